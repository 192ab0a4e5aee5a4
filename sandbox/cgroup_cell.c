/*
 * cgroup_cell.c - the control group of one cell; runs in the keeper.
 *
 * Every file that is used while a program runs is opened when the group is made, by the table
 * below, so that limits, clocks and counters are one system call each. A group is used once: its
 * counters then belong to one program, and kernels exist that kill whatever enters a group after
 * cgroup.kill.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sandbox/base/buf.h"
#include "sandbox/base/cleanup.h"
#include "sandbox/base/clock.h"
#include "sandbox/base/io.h"
#include "sandbox/cgroup_private.h"

enum {
    KILL_ROUNDS = 100,
    FORKLESS_KILL_ROUNDS = 3, /* the second finds what was being forked during the first */
    DESTROY_ROUNDS = 20,
    NS_PER_US = 1000,
    LIMIT_SLACK_BYTES = 256 << 10,
    NETWORK_BYTES = 16 << 20,
};

enum group_file {
    FILE_MEMORY_MAX,
    FILE_SWAP_MAX, /* v1: memory and swap together; v2: swap alone */
    FILE_MEMORY_CURRENT,
    FILE_MEMORY_PEAK,
    FILE_MEMORY_STAT,
    FILE_MEMORY_EVENTS,
    FILE_PIDS_MAX,
    FILE_PIDS_CURRENT,
    FILE_PIDS_EVENTS,
    FILE_PIDS_PEAK,
    FILE_CPU_USAGE,
    FILE_CPU_USER,
    FILE_CPU_SYSTEM,
    FILE_COUNT,
};

_Static_assert((int)FILE_COUNT <= (int)CGROUP_FILES_MAX, "struct cgroup holds every file");

/* One row a file. NULL: that version has none, or keeps it elsewhere. */
static const struct {
    enum cgroup_controller controller;
    const char *v1, *v2;
    bool write;    /* opened for writing too, where the file allows it */
    bool required; /* without it the cell would lack a limit or a clock */
} files[FILE_COUNT] = {
    [FILE_MEMORY_MAX] = { CTL_MEMORY, "memory.limit_in_bytes", "memory.max", true, true },
    [FILE_SWAP_MAX] = { CTL_MEMORY, "memory.memsw.limit_in_bytes", "memory.swap.max", true, false },
    [FILE_MEMORY_CURRENT] = { CTL_MEMORY, "memory.usage_in_bytes", "memory.current", false, true },
    [FILE_MEMORY_PEAK] = { CTL_MEMORY, "memory.max_usage_in_bytes", "memory.peak", true, false },
    [FILE_MEMORY_STAT] = { CTL_MEMORY, "memory.stat", "memory.stat", false, true },
    [FILE_MEMORY_EVENTS] = { CTL_MEMORY, "memory.oom_control", "memory.events", false, true },
    [FILE_PIDS_MAX] = { CTL_PIDS, "pids.max", "pids.max", true, true },
    [FILE_PIDS_CURRENT] = { CTL_PIDS, "pids.current", "pids.current", false, true },
    [FILE_PIDS_EVENTS] = { CTL_PIDS, "pids.events", "pids.events", false, false },
    [FILE_PIDS_PEAK] = { CTL_PIDS, "pids.peak", "pids.peak", false, false },
    [FILE_CPU_USAGE] = { CTL_CPUACCT, "cpuacct.usage", "cpu.stat", false, true },
    [FILE_CPU_USER] = { CTL_CPUACCT, "cpuacct.usage_user", NULL, false, false },
    [FILE_CPU_SYSTEM] = { CTL_CPUACCT, "cpuacct.usage_sys", NULL, false, false },
};

/* --- where things are --- */

static size_t tree_index(const struct cgroup_root *r, enum cgroup_controller c)
{
    for (size_t i = 0; i < r->tree_count; i++)
        if ((r->trees[i].controllers & CTL_BIT(c)) != 0)
            return i;
    assert(false && "cgroup_find_trees gave every controller a tree");
    return 0;
}

static bool is_v2(const struct cgroup *g, enum cgroup_controller c)
{
    return g->root->trees[tree_index(g->root, c)].v2;
}

static int dir_of(const struct cgroup *g, enum cgroup_controller c)
{
    return g->tree_fds[tree_index(g->root, c)];
}

/* --- making --- */

static void close_files(struct cgroup *g)
{
    for (size_t i = 0; i < CGROUP_TREES_MAX; i++)
        close_fd(&g->tree_fds[i]);
    for (size_t i = 0; i < CGROUP_FILES_MAX; i++)
        close_fd(&g->file_fds[i]);
    close_fd(&g->event_fd);
}

size_t cgroup_descriptors(struct cgroup *g, int *ret[CGROUP_DESCRIPTORS_MAX])
{
    size_t count = 0;
    for (size_t i = 0; i < CGROUP_TREES_MAX; i++)
        if (g->tree_fds[i] >= 0)
            ret[count++] = &g->tree_fds[i];
    for (size_t i = 0; i < CGROUP_FILES_MAX; i++)
        if (g->file_fds[i] >= 0)
            ret[count++] = &g->file_fds[i];
    if (g->event_fd >= 0)
        ret[count++] = &g->event_fd;
    return count;
}

static int make_dirs(struct cgroup *g, struct err *e)
{
    const struct cgroup_root *r = g->root;
    for (size_t i = 0; i < r->tree_count; i++) {
        const struct cgroup_tree *t = &r->trees[i];
        if (!cgroup_has_cells(t))
            continue;
        if (mkdirat(t->own_fd, g->name, 0755) < 0)
            return err_sys(e, "make the group %s/%s/%s%s", t->parent, r->name, g->name,
                           errno == ENOSPC
                               ? " (raise cgroup.max.descendants of the groups above it,"
                                 " or remove groups that nobody uses)"
                               : "");
        g->tree_fds[i] = openat(t->own_fd, g->name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (g->tree_fds[i] < 0)
            return err_sys(e, "open the group %s/%s/%s", t->parent, r->name, g->name);
    }
    return 0;
}

static int open_file(struct cgroup *g, enum group_file f, struct err *e)
{
    const char *name = is_v2(g, files[f].controller) ? files[f].v2 : files[f].v1;
    if (name == NULL)
        return 0;
    int dir_fd = dir_of(g, files[f].controller);
    int fd = openat(dir_fd, name, (files[f].write ? O_RDWR : O_RDONLY) | O_CLOEXEC);
    if (fd < 0 && errno == EACCES && files[f].write)
        fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC); /* memory.peak before 6.12 */
    if (fd < 0 && (files[f].required || errno != ENOENT))
        return err_sys(e, "open %s of the group %s", name, g->name);
    g->file_fds[f] = fd;
    return 0;
}

/* v1 tells of an out-of-memory state through an eventfd that is named, with the descriptor of
 * memory.oom_control, in cgroup.event_control (kernel: admin-guide/cgroup-v1/memory.rst, 10). */
static int open_v1_event(struct cgroup *g, struct err *e)
{
    g->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    char text[32];
    snprintf(text, sizeof text, "%d %d", g->event_fd, g->file_fds[FILE_MEMORY_EVENTS]);
    if (g->event_fd < 0 ||
        io_write_file_at(dir_of(g, CTL_MEMORY), "cgroup.event_control", text) < 0)
        return err_sys(e, "ask for memory events of the group %s", g->name);
    return 0;
}

/* v1 counts the buffers of TCP and UDP sockets apart from all other memory, and only in groups that
 * have a limit for them; without one a cell could use up what the whole host has (tcp_mem). v2
 * counts them as memory. */
static int bound_v1_network(struct cgroup *g, struct err *e)
{
    char text[32];
    snprintf(text, sizeof text, "%d", (int)NETWORK_BYTES);
    if (io_write_file_at(dir_of(g, CTL_MEMORY), CGROUP_V1_NETWORK, text) < 0 && errno != ENOENT)
        return err_sys(e, "write " CGROUP_V1_NETWORK " of the group %s", g->name);
    return 0;
}

/* What holds whatever the limits are: no swap (on v1 inherited), and on v2 a memory kill takes the
 * whole cell. Both files may lack, as on a kernel without swap. */
static int set_fixed(struct cgroup *g, struct err *e)
{
    int dir_fd = dir_of(g, CTL_MEMORY);
    if (!is_v2(g, CTL_MEMORY))
        return bound_v1_network(g, e);
    if (g->file_fds[FILE_SWAP_MAX] >= 0 && cgroup_write_int(g->file_fds[FILE_SWAP_MAX], 0) < 0)
        return err_sys(e, "write memory.swap.max of the group %s", g->name);
    if (io_write_file_at(dir_fd, "memory.oom.group", "1") < 0 && errno != ENOENT)
        return err_sys(e, "write memory.oom.group of the group %s", g->name);
    return 0;
}

static int build(struct cgroup *g, struct err *e)
{
    if (make_dirs(g, e) < 0)
        return -1;
    for (int f = 0; f < FILE_COUNT; f++)
        if (open_file(g, (enum group_file)f, e) < 0)
            return -1;
    if (set_fixed(g, e) < 0)
        return -1;
    return is_v2(g, CTL_MEMORY) ? 0 : open_v1_event(g, e);
}

int cgroup_make(struct cgroup_root *r, struct cgroup *ret, struct err *e)
{
    (void)cgroup_root_work_off(r);
    struct cgroup g = { .root = r,
                        .event_fd = -1,
                        .memory_bytes = -1,
                        .process_count = -1,
                        .refusals_when_killed = -1,
                        .memory_seen_bytes = -1,
                        .nocache_seen_bytes = -1 };
    memset(g.tree_fds, -1, sizeof g.tree_fds);
    memset(g.file_fds, -1, sizeof g.file_fds);
    snprintf(g.name, sizeof g.name, "c%" PRIu64, ++r->serial);
    if (build(&g, e) < 0) {
        cgroup_destroy(&g);
        return -1;
    }
    *ret = g;
    return 0;
}

/* v1's `tasks` takes single threads, and so does not wait for the groups of threads of the host to
 * stand still, as cgroup.procs does. v2 has that for threads of one process alone. */
int cgroup_doors_open(const struct cgroup *g, struct cgroup_doors *ret, struct err *e)
{
    struct cgroup_doors d = { .count = 0 };
    for (size_t i = 0; i < g->root->tree_count; i++) {
        const struct cgroup_tree *t = &g->root->trees[i];
        int dir_fd = cgroup_has_cells(t) ? g->tree_fds[i] : t->own_fd;
        const char *name = t->v2 ? "cgroup.procs" : "tasks";
        int fd = openat(dir_fd, name, O_WRONLY | O_CLOEXEC);
        if (fd < 0) {
            err_sys(e, "open %s of %s/%s/%s", name, t->parent, g->root->name, g->name);
            while (d.count > 0)
                close(d.fds[--d.count]);
            return -1;
        }
        d.fds[d.count++] = fd;
    }
    *ret = d;
    return 0;
}

int cgroup_enter(const struct cgroup_doors *d, struct err *e)
{
    for (size_t i = 0; i < d->count; i++)
        if (write(d->fds[i], "0", 1) != 1)
            return err_sys(e, "go into the cell's group");
    return 0;
}

int cgroup_clone_fd(const struct cgroup *g)
{
    return g->root != NULL && g->root->tree_count == 1 && g->root->trees[0].v2 ? g->tree_fds[0]
                                                                               : -1;
}

/* --- limits --- */

static int write_limit(struct cgroup *g, enum group_file f, int64_t value, struct err *e)
{
    if (cgroup_write_int(g->file_fds[f], value) == 0)
        return 0;
    const char *name = is_v2(g, files[f].controller) ? files[f].v2 : files[f].v1;
    return err_sys(e, "write %" PRId64 " to %s of the group %s", value, name, g->name);
}

/* v1 keeps memory <= memory and swap at all times: so the second goes first on the way up and last
 * on the way down. The first write comes down from "no limit". */
static int limit_memory(struct cgroup *g, int64_t bytes, struct err *e)
{
    bool v1_swap = !is_v2(g, CTL_MEMORY) && g->file_fds[FILE_SWAP_MAX] >= 0;
    bool up = g->memory_bytes >= 0 && bytes > g->memory_bytes;
    if (v1_swap && up && write_limit(g, FILE_SWAP_MAX, bytes, e) < 0)
        return -1;
    if (write_limit(g, FILE_MEMORY_MAX, bytes, e) < 0)
        return -1;
    return v1_swap && !up ? write_limit(g, FILE_SWAP_MAX, bytes, e) : 0;
}

int cgroup_limit(struct cgroup *g, int64_t memory_bytes, int64_t process_count, struct err *e)
{
    if (memory_bytes != g->memory_bytes) {
        if (limit_memory(g, memory_bytes, e) < 0)
            return -1;
        g->memory_bytes = memory_bytes;
    }
    if (process_count != g->process_count) {
        if (write_limit(g, FILE_PIDS_MAX, process_count, e) < 0)
            return -1;
        g->process_count = process_count;
    }
    return 0;
}

/* --- clocks and counters --- */

struct clocks {
    int64_t cpu_ns, user_ns, system_ns;
};

static int read_clocks(const struct cgroup *g, struct clocks *ret)
{
    const int *fds = g->file_fds;
    if (!is_v2(g, CTL_CPUACCT)) {
        *ret = (struct clocks){ 0 };
        if (fds[FILE_CPU_USER] >= 0 && cgroup_read_int(fds[FILE_CPU_USER], &ret->user_ns) < 0)
            return -1;
        if (fds[FILE_CPU_SYSTEM] >= 0 && cgroup_read_int(fds[FILE_CPU_SYSTEM], &ret->system_ns) < 0)
            return -1;
        return cgroup_read_int(fds[FILE_CPU_USAGE], &ret->cpu_ns);
    }
    char text[CGROUP_TEXT_BYTES];
    if (cgroup_read_text(fds[FILE_CPU_USAGE], text) < 0)
        return -1;
    ret->cpu_ns = cgroup_text_value(text, "usage_usec") * NS_PER_US;
    ret->user_ns = cgroup_text_value(text, "user_usec") * NS_PER_US;
    ret->system_ns = cgroup_text_value(text, "system_usec") * NS_PER_US;
    return 0;
}

/* 0 where the file or the key is not there. */
static int64_t counter(const struct cgroup *g, enum group_file f, const char *key)
{
    char text[CGROUP_TEXT_BYTES];
    if (g->file_fds[f] < 0 || cgroup_read_text(g->file_fds[f], text) < 0)
        return 0;
    int64_t n = cgroup_text_value(text, key);
    return n < 0 ? 0 : n;
}

/* v2 before 6.12 and pids.peak refuse: the peak then includes our own preparation. */
static void reset_peak(const struct cgroup *g)
{
    int fd = g->file_fds[FILE_MEMORY_PEAK];
    if (fd >= 0 && cgroup_write_int(fd, 0) < 0)
        errno = 0;
}

int cgroup_arm(struct cgroup *g, struct err *e)
{
    struct clocks c;
    reset_peak(g);
    if (read_clocks(g, &c) < 0)
        return err_sys(e, "read the cpu clock of the group %s", g->name);
    g->cpu_base_ns = c.cpu_ns;
    g->user_base_ns = c.user_ns;
    g->system_base_ns = c.system_ns;
    g->oom_base_count = counter(g, FILE_MEMORY_EVENTS, "oom_kill");
    g->refusal_base_count = counter(g, FILE_PIDS_EVENTS, "max");
    g->memory_seen_bytes = g->nocache_seen_bytes = -1;
    return 0;
}

int cgroup_cpu_ns(const struct cgroup *g, int64_t *ret_ns)
{
    int64_t now_ns;
    if (g->root == NULL) {
        errno = ENOENT;
        return -1;
    }
    if (is_v2(g, CTL_CPUACCT)) {
        char text[CGROUP_TEXT_BYTES];
        if (cgroup_read_text(g->file_fds[FILE_CPU_USAGE], text) < 0)
            return -1;
        now_ns = cgroup_text_value(text, "usage_usec") * NS_PER_US;
    } else if (cgroup_read_int(g->file_fds[FILE_CPU_USAGE], &now_ns) < 0) {
        return -1;
    }
    *ret_ns = now_ns - g->cpu_base_ns;
    return 0;
}

/* Pages of files; tmpfs and shared memory, which the kernel counts among them, are the program's
 * memory and left out. -1 when unknown. The kernel adds it up over all cores: the dearest of the
 * numbers. */
static int64_t file_cache_bytes(const struct cgroup *g)
{
    char text[CGROUP_TEXT_BYTES];
    if (cgroup_read_text(g->file_fds[FILE_MEMORY_STAT], text) < 0)
        return -1;
    int64_t cache = cgroup_text_value(text, is_v2(g, CTL_MEMORY) ? "file" : "cache");
    int64_t shmem = cgroup_text_value(text, "shmem");
    return cache < 0 || shmem < 0 ? -1 : cache - shmem > 0 ? cache - shmem : 0;
}

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* The cache as it is now, -1 when unknown. */
static int64_t sample_memory(struct cgroup *g)
{
    int64_t now, cache = file_cache_bytes(g);
    if (cgroup_read_int(g->file_fds[FILE_MEMORY_CURRENT], &now) < 0)
        return cache;
    g->memory_seen_bytes = larger(g->memory_seen_bytes, now);
    if (cache >= 0)
        g->nocache_seen_bytes = larger(g->nocache_seen_bytes, larger(now - cache, 0));
    return cache;
}

void cgroup_sample_memory(struct cgroup *g)
{
    if (g->root != NULL)
        (void)sample_memory(g);
}

/* The kernel samples who runs in user and in system mode but measures their sum: scale the samples
 * to the sum. */
static void split_cpu(struct cgroup_usage *u, int64_t user_ns, int64_t system_ns)
{
    int64_t sampled_ns = user_ns + system_ns;
    u->user_ns = sampled_ns <= 0 ? u->cpu_ns
                                 : (int64_t)((__int128)u->cpu_ns * larger(user_ns, 0) / sampled_ns);
    u->user_ns = u->user_ns > u->cpu_ns ? u->cpu_ns : u->user_ns;
    u->system_ns = u->cpu_ns - u->user_ns;
}

/* The cache only grows until memory runs short, so what is there at the end is at least what was
 * there at the peak; with that, peak less cache is a lower bound, as each sample is. */
static void read_memory(struct cgroup *g, struct cgroup_usage *u)
{
    int64_t peak, cache = sample_memory(g);
    if (g->file_fds[FILE_MEMORY_PEAK] < 0 ||
        cgroup_read_int(g->file_fds[FILE_MEMORY_PEAK], &peak) < 0)
        peak = g->memory_seen_bytes;
    u->memory_peak_bytes = peak;
    u->memory_nocache_bytes =
        cache < 0 || peak < 0 ? -1 : larger(g->nocache_seen_bytes, larger(peak - cache, 0));
}

/* v1 has counters of failed charges, but kernels exist (6.18) that leave them at 0. The peak (-1:
 * unknown) cannot lie: memory runs out when a charge of at most eight pages does not fit. */
static bool met_limit(const struct cgroup *g, int64_t peak_bytes)
{
    if (is_v2(g, CTL_MEMORY))
        return counter(g, FILE_MEMORY_EVENTS, "max") > 0;
    return g->memory_bytes >= 0 && peak_bytes >= g->memory_bytes - LIMIT_SLACK_BYTES;
}

static void note_event(struct cgroup *g)
{
    uint64_t told;
    if (g->event_fd >= 0 && read(g->event_fd, &told, sizeof told) == (ssize_t)sizeof told)
        g->oom_told = true;
}

int cgroup_usage(struct cgroup *g, struct cgroup_usage *ret, struct err *e)
{
    if (g->root == NULL)
        return err_bug(e, "cgroup_usage of no group");
    struct clocks c;
    if (read_clocks(g, &c) < 0)
        return err_sys(e, "read the cpu clock of the group %s", g->name);
    struct cgroup_usage u = { .cpu_ns = c.cpu_ns - g->cpu_base_ns, .process_peak_count = -1 };
    split_cpu(&u, c.user_ns - g->user_base_ns, c.system_ns - g->system_base_ns);
    read_memory(g, &u);
    note_event(g);
    u.memory_limit_met = met_limit(g, u.memory_peak_bytes);
    u.oom_kills = counter(g, FILE_MEMORY_EVENTS, "oom_kill") - g->oom_base_count;
    if (u.oom_kills == 0 && g->oom_told && u.memory_limit_met)
        u.oom_kills = 1; /* told by the v1 event, and our own kill was faster than the kernel's */
    int64_t refusals = g->refusals_when_killed >= 0 ? g->refusals_when_killed
                                                    : counter(g, FILE_PIDS_EVENTS, "max");
    u.process_refusals = refusals - g->refusal_base_count;
    if (g->file_fds[FILE_PIDS_PEAK] >= 0 &&
        cgroup_read_int(g->file_fds[FILE_PIDS_PEAK], &u.process_peak_count) < 0)
        u.process_peak_count = -1;
    *ret = u;
    return 0;
}

/* --- memory kills --- */

int cgroup_event_fd(const struct cgroup *g)
{
    if (g->root == NULL)
        return -1;
    return is_v2(g, CTL_MEMORY) ? g->file_fds[FILE_MEMORY_EVENTS] : g->event_fd;
}

short cgroup_event_poll(const struct cgroup *g)
{
    return g->root != NULL && is_v2(g, CTL_MEMORY) ? POLLPRI : POLLIN;
}

/* Reading memory.events is what quietens its POLLPRI. The v1 event also comes when a group above
 * runs out, so it counts only if this group met its own limit. */
bool cgroup_oom_happened(struct cgroup *g)
{
    int64_t peak = -1;
    if (g->root == NULL)
        return false;
    note_event(g);
    if (counter(g, FILE_MEMORY_EVENTS, "oom_kill") > g->oom_base_count)
        return true;
    if (!g->oom_told || cgroup_read_int(g->file_fds[FILE_MEMORY_PEAK], &peak) < 0)
        return false;
    return met_limit(g, peak);
}

/* --- the end --- */

int cgroup_processes_dir(const struct cgroup *g)
{
    return dir_of(g, CTL_PIDS);
}

/* v1 has no cgroup.kill, and processes that fork and end could outrun whoever kills them one by one
 * for as long as they like: so first nobody may fork any more. */
static bool forbid_forks(struct cgroup *g)
{
    if (is_v2(g, CTL_PIDS))
        return false;
    if (g->refusals_when_killed < 0)
        g->refusals_when_killed = counter(g, FILE_PIDS_EVENTS, "max");
    return cgroup_write_int(g->file_fds[FILE_PIDS_MAX], 0) == 0;
}

int cgroup_kill(struct cgroup *g)
{
    if (g->root == NULL)
        return 0;
    int rounds = forbid_forks(g) ? FORKLESS_KILL_ROUNDS : KILL_ROUNDS;
    return cgroup_kill_dir(dir_of(g, CTL_PIDS), rounds);
}

int64_t cgroup_task_count(const struct cgroup *g)
{
    int64_t count = 0;
    if (g->root == NULL)
        return 0;
    return cgroup_read_int(g->file_fds[FILE_PIDS_CURRENT], &count) < 0 ? -1 : count;
}

static void leave_for_later(struct cgroup_root *r, const char *name)
{
    struct cgroup_leftover *l = xcalloc(1, sizeof *l);
    memcpy(l->name, name, sizeof l->name);
    l->next = r->leftovers;
    r->leftovers = l;
}

static bool remove_dirs(const struct cgroup_root *r, const char *name)
{
    bool gone = true;
    for (size_t i = 0; i < r->tree_count; i++)
        if (cgroup_has_cells(&r->trees[i]) &&
            unlinkat(r->trees[i].own_fd, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
            gone = false;
    return gone;
}

void cgroup_destroy(struct cgroup *g)
{
    struct cgroup_root *r = g->root;
    if (r == NULL)
        return;
    close_files(g);
    (void)cgroup_root_work_off(r);
    bool gone = remove_dirs(r, g->name);
    for (int i = 0; !gone && i < DESTROY_ROUNDS; i++) {
        cgroup_nap(NS_PER_MS);
        gone = remove_dirs(r, g->name);
    }
    if (!gone)
        leave_for_later(r, g->name);
    *g = (struct cgroup){ 0 };
}
