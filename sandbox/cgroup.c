/*
 * cgroup.c - the keeper's own group in each hierarchy: made, swept of dead keepers' leftovers, and
 * removed; runs in the keeper.
 *
 * 1. A group named minos-<pid>-<start time> belongs to that process alone; the pair never returns
 *    while a boot lasts, so a name cannot be mistaken for a later process's.
 * 2. Its owner holds a read lock (fcntl) on the directory, which is seen across pid namespaces,
 * where the pid says nothing. It is the open file's, not the process's, whose lock would end with
 * the first descriptor of the directory that is closed; it ends with the owner and those that it
 *    forked to make cells, who die with it. A group is swept only when the pid and start time are
 *    not alive here and no lock is held.
 * 3. Cells are children of it, so killing and removing it is killing and removing all cells.
 */
#include "sandbox/cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sandbox/base/buf.h"
#include "sandbox/base/cleanup.h"
#include "sandbox/base/clock.h"
#include "sandbox/base/io.h"
#include "sandbox/base/units.h"
#include "sandbox/cgroup_private.h"

enum {
    KILL_ROUNDS = 100,
    CPU_PERIOD_US = 100000, /* the kernel's own, on v1 and v2 */
    V1_SHARES = 1024,       /* the default, and what a weight of 100 is on v2 */
    REMOVE_DEPTH_MAX = 4,
    STAT_START_FIELD = 22, /* proc_pid_stat(5): start time in ticks since boot */
};

static const int64_t close_wait_ns = 500 * NS_PER_MS;

/* --- owners --- */

/* The start time of a process; -1 when there is none, or only a zombie that its parent (perhaps a
 * container's init that never reaps) leaves lying. The name in field 2 may hold anything, so fields
 * are counted from its last parenthesis. */
static int64_t start_time(pid_t pid)
{
    char path[32], text[CGROUP_TEXT_BYTES];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    if (cgroup_read_text_at(AT_FDCWD, path, text) < 0)
        return -1;
    char *p = strrchr(text, ')');
    if (p != NULL && (strncmp(p, ") Z", 3) == 0 || strncmp(p, ") X", 3) == 0))
        return -1;
    for (int field = 2; p != NULL && field < STAT_START_FIELD; field++)
        p = strchr(p + 1, ' ');
    return p == NULL ? -1 : (int64_t)strtoll(p + 1, NULL, 10);
}

static bool parse_name(const char *name, pid_t *ret_pid, int64_t *ret_start)
{
    int pid, end = 0;
    if (sscanf(name, "minos-%9d-%18" SCNd64 "%n", &pid, ret_start, &end) != 2 || name[end] != '\0')
        return false;
    *ret_pid = pid;
    return pid > 0;
}

/* fcntl(2): F_GETLK does not need a descriptor open for writing to ask about a write lock. */
static bool is_locked(int parent_fd, const char *name)
{
    auto_fd_ int fd = openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
    return fd >= 0 && fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

static bool is_orphan(int parent_fd, const char *name)
{
    pid_t pid;
    int64_t start;
    return parse_name(name, &pid, &start) && start_time(pid) != start &&
           !is_locked(parent_fd, name);
}

/* --- removal --- */

static DIR *open_dir(int parent_fd, const char *name)
{
    auto_fd_ int fd = openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    if (d != NULL)
        (void)take_fd(&fd);
    return d;
}

static int remove_group(int parent_fd, const char *name, int64_t deadline_mono_ns)
{
    for (;;) {
        if (unlinkat(parent_fd, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
            return 0;
        if (errno != EBUSY || clock_mono_ns() >= deadline_mono_ns)
            return -1;
        cgroup_nap(NS_PER_MS);
    }
}

int cgroup_remove_tree(int parent_fd, const char *name, int64_t wait_ns, int depth)
{
    auto_dir_ DIR *d = open_dir(parent_fd, name);
    if (d == NULL)
        return errno == ENOENT ? 0 : -1;
    cgroup_kill_dir(dirfd(d), KILL_ROUNDS);
    for (struct dirent *entry; (entry = readdir(d)) != NULL;)
        if (entry->d_type == DT_DIR && entry->d_name[0] != '.' && depth > 0)
            (void)cgroup_remove_tree(dirfd(d), entry->d_name, wait_ns, depth - 1);
    return remove_group(parent_fd, name, clock_mono_ns() + wait_ns);
}

void cgroup_sweep(int parent_fd, int64_t wait_ns)
{
    auto_dir_ DIR *d = open_dir(parent_fd, ".");
    if (d == NULL)
        return;
    for (struct dirent *entry; (entry = readdir(d)) != NULL;)
        if (entry->d_type == DT_DIR && is_orphan(parent_fd, entry->d_name))
            (void)cgroup_remove_tree(parent_fd, entry->d_name, wait_ns, REMOVE_DEPTH_MAX);
}

void cgroup_root_sweep(const struct cgroup_root *r)
{
    for (size_t i = 0; i < r->tree_count; i++)
        cgroup_sweep(r->trees[i].parent_fd, 0);
}

/* --- the root --- */

static void free_root(struct cgroup_root *r)
{
    for (size_t i = 0; i < r->tree_count; i++) {
        struct cgroup_tree *t = &r->trees[i];
        free(t->mount);
        free(t->mount_root);
        free(t->self);
        free(t->parent);
        close_fd(&t->parent_fd);
        close_fd(&t->own_fd);
    }
    while (r->leftovers != NULL) {
        struct cgroup_leftover *next = r->leftovers->next;
        free(r->leftovers);
        r->leftovers = next;
    }
    free(r->path);
    free(r);
}

void cgroup_root_close(struct cgroup_root *r)
{
    if (r == NULL)
        return;
    for (size_t i = 0; i < r->tree_count && getpid() == r->owner_pid; i++)
        if (r->trees[i].own_fd >= 0)
            (void)cgroup_remove_tree(r->trees[i].parent_fd, r->name, close_wait_ns,
                                     REMOVE_DEPTH_MAX);
    free_root(r);
}

static void cleanup_root(struct cgroup_root **r)
{
    cgroup_root_close(*r);
}

/* What cells inherit: no swap, which is all there is without swap accounting (no such file: a
 * kernel without swap). And the kernel's switch for the accounting of network buffers is thrown
 * once, not with each cell. */
static int prepare_v1_memory(const struct cgroup_tree *t, const char *name, struct err *e)
{
    if (io_write_file_at(t->own_fd, "memory.swappiness", "0") < 0 && errno != ENOENT)
        return err_sys(e, "write memory.swappiness of the group %s/%s", t->parent, name);
    (void)!io_write_file_at(t->own_fd, CGROUP_V1_NETWORK, "-1");
    return 0;
}

static int place_all(struct cgroup_root *r, const char *parent, struct err *e)
{
    struct flock lock = { .l_type = F_RDLCK, .l_whence = SEEK_SET };
    for (size_t i = 0; i < r->tree_count; i++) {
        if (cgroup_place_tree(r, &r->trees[i], parent, e) < 0)
            return -1;
        if (fcntl(r->trees[i].own_fd, F_OFD_SETLK, &lock) < 0)
            return err_sys(e, "lock the group %s/%s", r->trees[i].parent, r->name);
        if ((r->trees[i].controllers & CTL_BIT(CTL_MEMORY)) != 0)
            r->path = xasprintf("%s/%s", r->trees[i].parent, r->name);
        if ((r->trees[i].controllers & CTL_BIT(CTL_MEMORY)) != 0 && !r->trees[i].v2 &&
            prepare_v1_memory(&r->trees[i], r->name, e) < 0)
            return -1;
    }
    return 0;
}

int cgroup_root_open(const char *parent, struct cgroup_root **ret, struct err *e)
{
    __attribute__((cleanup(cleanup_root))) struct cgroup_root *r = xcalloc(1, sizeof *r);
    r->owner_pid = getpid();
    int64_t start = start_time(r->owner_pid);
    if (start < 0)
        return err_sys(e, "cgroup: read /proc/%d/stat", (int)r->owner_pid);
    snprintf(r->name, sizeof r->name, "minos-%d-%" PRId64, (int)r->owner_pid, start);
    if (cgroup_find_trees(r, e) < 0 || place_all(r, parent, e) < 0)
        return -1;
    *ret = take_ptr(&r);
    return 0;
}

int cgroup_root_cap_cpus(const struct cgroup_root *r, int64_t cpus, struct err *e)
{
    for (size_t i = 0; i < r->tree_count; i++) {
        const struct cgroup_tree *t = &r->trees[i];
        if ((t->controllers & CTL_BIT(CTL_CPU)) == 0)
            continue;
        char text[24];
        snprintf(text, sizeof text, "%" PRId64, cpus * CPU_PERIOD_US); /* the period stays */
        if (io_write_file_at(t->own_fd, t->v2 ? "cpu.max" : "cpu.cfs_quota_us",
                             cpus > 0 ? text
                             : t->v2  ? "max"
                                      : "-1") < 0)
            return err_sys(e, "cap cpu of the group %s/%s", t->parent, r->name);
    }
    return 0;
}

void cgroup_root_number_from(struct cgroup_root *r, int64_t first)
{
    r->serial = (uint64_t)first;
}

/* The kernel refuses to remove those with processes. */
static void tidy_tree(const struct cgroup_tree *t, int64_t first)
{
    int copy = openat(t->own_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    auto_dir_ DIR *d = copy >= 0 ? fdopendir(copy) : NULL;
    if (d == NULL)
        return;
    for (const struct dirent *entry; (entry = readdir(d)) != NULL;) {
        int64_t number;
        struct err e;
        if (entry->d_name[0] == 'c' &&
            units_parse_int(entry->d_name + 1, first, INT64_MAX, &number, &e) == 0)
            (void)!unlinkat(t->own_fd, entry->d_name, AT_REMOVEDIR);
    }
}

void cgroup_root_tidy_from(const struct cgroup_root *r, int64_t first)
{
    for (size_t i = 0; i < r->tree_count; i++)
        if (cgroup_has_cells(&r->trees[i]))
            tidy_tree(&r->trees[i], first);
}

size_t cgroup_root_descriptors(const struct cgroup_root *r, int ret_fds[CGROUP_TREES_MAX])
{
    for (size_t i = 0; i < r->tree_count; i++)
        ret_fds[i] = r->trees[i].own_fd;
    return r->tree_count;
}

int cgroup_root_weigh(const struct cgroup_root *r, int64_t weight, struct err *e)
{
    for (size_t i = 0; i < r->tree_count; i++) {
        const struct cgroup_tree *t = &r->trees[i];
        if ((t->controllers & CTL_BIT(CTL_CPU)) == 0)
            continue;
        char text[24];
        snprintf(text, sizeof text, "%" PRId64, t->v2 ? weight : weight * V1_SHARES / 100);
        if (io_write_file_at(t->own_fd, t->v2 ? "cpu.weight" : "cpu.shares", text) < 0)
            return err_sys(e, "weigh cpu of the group %s/%s", t->parent, r->name);
    }
    return 0;
}

const char *cgroup_root_version(const struct cgroup_root *r)
{
    if (r->hybrid)
        return "hybrid";
    return r->trees[0].v2 ? "v2" : "v1";
}

const char *cgroup_root_path(const struct cgroup_root *r)
{
    return r->path;
}

bool cgroup_root_work_off(struct cgroup_root *r)
{
    struct cgroup_leftover **link = &r->leftovers;
    while (*link != NULL) {
        struct cgroup_leftover *l = *link;
        bool busy = false;
        for (size_t i = 0; i < r->tree_count; i++)
            busy = (cgroup_has_cells(&r->trees[i]) &&
                    unlinkat(r->trees[i].own_fd, l->name, AT_REMOVEDIR) < 0 && errno != ENOENT) ||
                   busy;
        if (busy) {
            link = &l->next;
            continue;
        }
        *link = l->next;
        free(l);
    }
    return r->leftovers != NULL;
}
