/* machine.c - reading the machine's description and accounts from /proc; the minos-bench process.
 */
#include "tests/bench/machine.h"

#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "sandbox/base/cleanup.h"
#include "sandbox/base/clock.h"

/* Call `line` with each line of a file of /proc; a file that is not there has no lines. */
static void each_line(const char *path, void (*line)(const char *text, void *ctx), void *ctx)
{
    char text[1024];
    auto_file_ FILE *f = fopen(path, "re");
    while (f != NULL && fgets(text, sizeof text, f) != NULL)
        line(text, ctx);
}

static void take_cpu(const char *text, void *ctx)
{
    struct machine *m = ctx;
    const char *colon = strchr(text, ':');
    if (m->cpu[0] == '\0' && strncmp(text, "model name", 10) == 0 && colon != NULL)
        snprintf(m->cpu, sizeof m->cpu, "%.*s", (int)strcspn(colon + 2, "\n"), colon + 2);
}

/* The names of the file systems a data directory is likely to be on (statfs(2)). */
static void name_file_system(const char *dir, char *ret, size_t size)
{
    static const struct {
        long magic;
        const char *name;
    } known[] = { { 0xef53, "ext4" },
                  { 0x58465342, "xfs" },
                  { 0x9123683e, "btrfs" },
                  { 0x01021994, "tmpfs" },
                  { 0x794c7630, "overlayfs" } };
    struct statfs fs;
    snprintf(ret, size, "unknown");
    if (statfs(dir, &fs) < 0)
        return;
    snprintf(ret, size, "type 0x%lx", (unsigned long)fs.f_type);
    for (size_t i = 0; i < ARRAY_COUNT(known); i++)
        if (known[i].magic == (long)fs.f_type)
            snprintf(ret, size, "%s", known[i].name);
}

void machine_read(struct machine *m, const char *work_dir)
{
    struct utsname u;
    cpu_set_t cpus;
    *m = (struct machine){ .core_count = 1 };
    if (uname(&u) == 0)
        snprintf(m->kernel, sizeof m->kernel, "%.80s %.40s", u.release, u.machine);
    each_line("/proc/cpuinfo", take_cpu, m);
    if (sched_getaffinity(0, sizeof cpus, &cpus) == 0)
        m->core_count = CPU_COUNT(&cpus);
    name_file_system(work_dir, m->file_system, sizeof m->file_system);
}

double machine_load(void)
{
    double load = 0;
    auto_file_ FILE *f = fopen("/proc/loadavg", "re");
    if (f == NULL || fscanf(f, "%lf", &load) != 1)
        return 0;
    return load;
}

static void take_memory(const char *text, void *ctx)
{
    struct machine_use *u = ctx;
    int64_t kib;
    if (sscanf(text, "MemAvailable: %" SCNd64, &kib) == 1)
        u->available_bytes = kib * 1024;
    else if (sscanf(text, "SUnreclaim: %" SCNd64, &kib) == 1)
        u->slab_bytes = kib * 1024;
}

/* Every hierarchy's groups: v1 counts them by controller, v2's are a row of each of its own. */
static void take_groups(const char *text, void *ctx)
{
    struct machine_use *u = ctx;
    int64_t count;
    if (text[0] != '#' && sscanf(text, "%*s %*d %" SCNd64, &count) == 1)
        u->group_count += count;
}

static void take_mount(const char *text, void *ctx)
{
    (void)text;
    ((struct machine_use *)ctx)->mount_count++;
}

/* The first line of /proc/stat: user nice system idle iowait irq softirq steal, in clock ticks. */
static int64_t busy_ns(void)
{
    int64_t t[8] = { 0 };
    auto_file_ FILE *f = fopen("/proc/stat", "re");
    if (f == NULL || fscanf(f,
                            "cpu %" SCNd64 " %" SCNd64 " %" SCNd64 " %" SCNd64 " %" SCNd64
                            " %" SCNd64 " %" SCNd64 " %" SCNd64,
                            &t[0], &t[1], &t[2], &t[3], &t[4], &t[5], &t[6], &t[7]) < 7)
        return 0;
    return (t[0] + t[1] + t[2] + t[5] + t[6]) * (NS_PER_S / sysconf(_SC_CLK_TCK));
}

struct machine_use machine_use(void)
{
    struct machine_use u = { .busy_ns = busy_ns() };
    each_line("/proc/meminfo", take_memory, &u);
    each_line("/proc/cgroups", take_groups, &u);
    each_line("/proc/self/mountinfo", take_mount, &u);
    return u;
}
