/*
 * cgroup.h - control groups for cells, the same on v1, v2 and hybrid hosts: memory without swap,
 * processes, cpu, the cpu clock, and killing a whole cell.
 *
 * A keeper opens one root: a group of its own, `minos-<pid>-<start time>`, in every hierarchy it
 * needs. Each cell gets one child group there, used once; but the cap on cpu, which is the slot's,
 * is on the keeper's group, and in a hierarchy that is only for cpu the cells are in that group.
 * Everything after cgroup_root_open works through descriptors, so the keeper may leave for a mount
 * namespace without cgroup file systems. The root must outlive its groups and stay at its address.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "sandbox/base/err.h"

struct cgroup_root;

/* Hierarchies one cell can be spread over: v1 memory, pids, cpu and cpuacct apart, or v2. */
enum { CGROUP_TREES_MAX = 5, CGROUP_FILES_MAX = 16, CGROUP_NAME_BYTES = 24 };

/* Make this process's group. `parent` is "auto" (below the group the process was started in, else
 * where this host allows) or a path: an absolute path of a directory in a cgroup file system, or a
 * group's path as in /proc/self/cgroup, used in each hierarchy. Groups that dead keepers left there
 * are killed and removed. No setting of an existing group is changed, save that controllers are
 * enabled for children in groups that are ours: on v2, when nothing else works and this process is
 * alone in its group, it moves itself into a child `supervisor` first. ERR_SYS names the controller
 * that lacks, why, and the mend. The caller ends with cgroup_root_close. */
must_check_ int cgroup_root_open(const char *parent, struct cgroup_root **ret, struct err *e);

/* Cap what all cells of the root take together: one of `cpus` is the time of one core, 0 is no cap.
 * Beside the cores that a cell is bound to, so that neither wall is the only one. */
must_check_ int cgroup_root_cap_cpus(const struct cgroup_root *r, int64_t cpus, struct err *e);

/* Their share when the host is busy, as in cpu.weight of v2; on v1 cpu.shares, scaled. */
must_check_ int cgroup_root_weigh(const struct cgroup_root *r, int64_t weight, struct err *e);

/* Remove the group with what is left in it (leftover cells are killed). Accepts NULL. Does nothing
 * but free memory and close descriptors in a process that did not open it (a forked child). */
void cgroup_root_close(struct cgroup_root *r);

/* Try once more to remove groups of cells in which the kernel still had something when they were
 * destroyed; whether any are left. Each new cell, and each that is destroyed, does so, too. */
bool cgroup_root_work_off(struct cgroup_root *r);

/* Remove what dead owners left beside our own groups, as cgroup_root_open did before it made them:
 * a process that was killed may take until now to end. Waits for none. */
void cgroup_root_sweep(const struct cgroup_root *r);

/* For a forked process that makes groups below the same root: number them from there on, so that
 * no name is used twice; and the descriptors that it needs for that (the count). */
void cgroup_root_number_from(struct cgroup_root *r, int64_t first);
size_t cgroup_root_descriptors(const struct cgroup_root *r, int ret_fds[CGROUP_TREES_MAX]);

/* That process has died: remove the groups from there on in which nobody is. */
void cgroup_root_tidy_from(const struct cgroup_root *r, int64_t first);

/* "v1", "v2", "hybrid" (v1 controllers beside a v2 hierarchy). */
const char *cgroup_root_version(const struct cgroup_root *r);

/* The group's path in the memory hierarchy, for logs and the report; owned by r. */
const char *cgroup_root_path(const struct cgroup_root *r);

/* The group of one cell. The fields are private to cgroup*.c; hold it by value. All zero bytes is
 * the empty group, which every function below but make and attach accepts. */
struct cgroup {
    struct cgroup_root *root; /* NULL: empty */
    char name[CGROUP_NAME_BYTES];
    int tree_fds[CGROUP_TREES_MAX]; /* its directory in each hierarchy of the root */
    int file_fds[CGROUP_FILES_MAX]; /* by enum group_file of cgroup_private.h, -1: not there */
    int event_fd;
    bool oom_told;                       /* the v1 event has come */
    int64_t memory_bytes, process_count; /* as written last, -1: never */
    int64_t cpu_base_ns, user_base_ns, system_base_ns;
    int64_t oom_base_count, refusal_base_count;
    int64_t refusals_when_killed;                  /* -1: not killed yet */
    int64_t memory_seen_bytes, nocache_seen_bytes; /* largest samples, -1: none */
};

/* Where its open descriptors stand, for handing it to another process of the same root (made before
 * a fork); the count. */
enum { CGROUP_DESCRIPTORS_MAX = CGROUP_TREES_MAX + CGROUP_FILES_MAX + 1 };
size_t cgroup_descriptors(struct cgroup *g, int *ret[CGROUP_DESCRIPTORS_MAX]);

/* Make an empty group, its files open, no limit written yet. Names are never used twice. */
must_check_ int cgroup_make(struct cgroup_root *r, struct cgroup *ret, struct err *e);

/* The ways in: descriptors through which a single-threaded process goes into the group by itself
 * (cgroup_enter), one for each hierarchy. For a child to inherit; the caller closes them. */
struct cgroup_doors {
    int fds[CGROUP_TREES_MAX];
    size_t count;
};
must_check_ int cgroup_doors_open(const struct cgroup *g, struct cgroup_doors *ret, struct err *e);

/* Go in, before unsharing the cgroup namespace. System calls only. A thread that moves itself holds
 * up nobody: whoever moves another process waits, after idleness, for a grace period of RCU, 7 ms
 * and more (kernel: cgroup_procs_write_start). */
must_check_ int cgroup_enter(const struct cgroup_doors *d, struct err *e);

/* A directory descriptor for clone3's CLONE_INTO_CGROUP, which makes cgroup_enter needless; -1
 * where there are v1 hierarchies (then enter). Owned by g. */
int cgroup_clone_fd(const struct cgroup *g);

/* Write the limits that differ from those written last. Swap is off whatever memory_bytes is.
 * process_count counts every thread in the group, our init included. Lowering memory below what is
 * used fails with ERR_SYS (EBUSY, v1) or makes the kernel reclaim and then kill (v2). */
must_check_ int cgroup_limit(struct cgroup *g, int64_t memory_bytes, int64_t process_count,
                             struct err *e);

/* Just before the program starts: what was used so far counts as nothing for the clocks and
 * counters; peaks restart at the present use where the kernel can reset them. */
must_check_ int cgroup_arm(struct cgroup *g, struct err *e);

/* Cpu time since cgroup_arm of all processes, dead ones and orphans included: one pread. 0, or -1
 * with errno. */
must_check_ int cgroup_cpu_ns(const struct cgroup *g, int64_t *ret_ns);

/* What was used since cgroup_arm. -1: this kernel does not tell. */
struct cgroup_usage {
    int64_t cpu_ns, user_ns, system_ns; /* user + system is cpu, split by the kernel's samples */
    int64_t memory_peak_bytes;          /* anonymous, tmpfs, page cache and kernel memory */
    int64_t memory_nocache_bytes;       /* peak less file pages: exact while the cache was not
                                           reclaimed, else between the last sample and the truth */
    int64_t oom_kills;                  /* processes killed for memory */
    int64_t process_peak_count;
    int64_t process_refusals; /* forks and threads refused for process_count */
    bool memory_limit_met; /* memory_bytes was reached: false with oom_kills means that the host or
                              a group above ran out, and the program is not to blame */
};

must_check_ int cgroup_usage(struct cgroup *g, struct cgroup_usage *ret, struct err *e);

/* Take the present memory without file pages into account for memory_nocache_bytes: call it now and
 * then while the program runs (about 20 us). Never fails: what cannot be read is left out. */
void cgroup_sample_memory(struct cgroup *g);

/* A descriptor that tells of memory kills: poll it with cgroup_event_poll()'s events (POLLIN on
 * v1, POLLPRI on v2; POLLERR comes with it), then call cgroup_oom_happened, which also quietens it.
 * -1 for the empty group. Owned by g. */
int cgroup_event_fd(const struct cgroup *g);
short cgroup_event_poll(const struct cgroup *g);

/* Whether memory ran out in this group since cgroup_arm. On v1 the kernel tells of the first kill
 * before it is done, so this is true as soon as the event came; kill the whole cell then. */
bool cgroup_oom_happened(struct cgroup *g);

/* Whether a thread of the group is running, or would if it had a core: told from sleep, from any
 * wait and from being stopped by the kernel's state of each (proc_pid_stat(5)). Looks at the first
 * 256. false, too, where /proc does not show them. */
bool cgroup_runs(const struct cgroup *g);

/* Kill every process in the group. Returns once each has been sent SIGKILL and no new one can have
 * escaped, or after a bound (100 rounds) on v1, where the end of the pid namespace does the rest. 0
 * or -1 with errno. On v1 nothing can fork any more from the first call on; forks refused from then
 * on are not counted. Never put a process into the group afterwards. */
int cgroup_kill(struct cgroup *g);

/* Threads in the group now, zombies that were not waited for included; -1 with errno. */
int64_t cgroup_task_count(const struct cgroup *g);

/* Remove the group and empty *g. While zombies keep it busy this tries for up to 20 ms; then it is
 * left on the root's list, which each later make, destroy and the close work off. */
void cgroup_destroy(struct cgroup *g);
