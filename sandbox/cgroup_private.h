/*
 * cgroup_private.h - what cgroup.c (the keeper's own group), cgroup_find.c (where it goes),
 * cgroup_cell.c (one cell's group) and cgroup_file.c (reading and writing group files) share.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "sandbox/base/err.h"
#include "sandbox/cgroup.h"

/* The controllers a cell needs. On v2 cpuacct is no controller: every group has cpu.stat. */
enum cgroup_controller { CTL_MEMORY, CTL_PIDS, CTL_CPU, CTL_CPUACCT, CTL_COUNT };

#define CTL_BIT(c) (1u << (c))
#define CTL_ALL (CTL_BIT(CTL_COUNT) - 1)

/* The controllers for which each cell has a group of its own. */
#define CTL_OF_CELLS (CTL_ALL & ~CTL_BIT(CTL_CPU))

/* v1: the limit for buffers of sockets, which are accounted only once it is written. */
#define CGROUP_V1_NETWORK "memory.kmem.tcp.limit_in_bytes"

/* "memory", "pids", "cpu", "cpuacct". */
const char *cgroup_controller_name(enum cgroup_controller c);

/* One hierarchy in which cells have a group. */
struct cgroup_tree {
    bool v2;
    unsigned controllers; /* CTL_BITs that cells use here */
    char *mount;          /* heap: where it is mounted */
    char *mount_root;     /* heap: which group is mounted there, "/" as a rule */
    char *self;           /* heap: this process's group below the mount, "" for the mount itself */
    char *parent;         /* heap: full path of the group that ours is in, for messages */
    int parent_fd;
    int own_fd; /* our own group */
};

/* false: cells are in our own group there. */
static inline bool cgroup_has_cells(const struct cgroup_tree *t)
{
    return (t->controllers & CTL_OF_CELLS) != 0;
}

/* A group that was still busy when its cell ended. */
struct cgroup_leftover {
    struct cgroup_leftover *next;
    char name[CGROUP_NAME_BYTES];
};

enum { ROOT_NAME_BYTES = 48 };

struct cgroup_root {
    struct cgroup_tree trees[CGROUP_TREES_MAX];
    size_t tree_count;
    bool hybrid;
    pid_t owner_pid;
    char name[ROOT_NAME_BYTES]; /* minos-<pid>-<start time> */
    char *path;                 /* heap: of the own group in the memory tree */
    uint64_t serial;            /* of the cell made last */
    struct cgroup_leftover *leftovers;
};

/* --- cgroup_find.c --- */

/* Fill r->trees from /proc/self/mountinfo and /proc/self/cgroup: no group is touched. */
must_check_ int cgroup_find_trees(struct cgroup_root *r, struct err *e);

/* Choose the parent for one tree, make r->name there and fill parent, parent_fd, own_fd; what dead
 * owners left in the chosen parent is swept first. */
must_check_ int cgroup_place_tree(struct cgroup_root *r, struct cgroup_tree *t, const char *parent,
                                  struct err *e);

/* --- cgroup.c --- */

/* Remove groups named minos-<pid>-<start time> below parent_fd whose owner is dead, waiting up to
 * wait_ns for what is dying in each. Best effort. */
void cgroup_sweep(int parent_fd, int64_t wait_ns);

/* Kill all processes at and below the group `name` of parent_fd, then remove it. Waits for the
 * dying up to wait_ns. 0 (also when it is not there), or -1 with errno. */
int cgroup_remove_tree(int parent_fd, const char *name, int64_t wait_ns, int depth);

/* --- cgroup_file.c: none of these allocates; -1 comes with errno --- */

enum { CGROUP_TEXT_BYTES = 4096 };

/* The start of a file into text, NUL-terminated. */
must_check_ int cgroup_read_text(int fd, char text[CGROUP_TEXT_BYTES]);
must_check_ int cgroup_read_text_at(int dir_fd, const char *file, char text[CGROUP_TEXT_BYTES]);

/* A file that holds one number; "max" is INT64_MAX. */
must_check_ int cgroup_read_int(int fd, int64_t *ret);
must_check_ int cgroup_read_int_at(int dir_fd, const char *file, int64_t *ret);

/* The number after `key` at the start of a line of "key number" lines, -1 when it is not there. */
int64_t cgroup_text_value(const char *text, const char *key);

/* Whether `word` is one of the words of `text`. */
bool cgroup_text_has_word(const char *text, const char *word);

must_check_ int cgroup_write_int(int fd, int64_t value);

/* Kill whatever group dir_fd holds, by cgroup.kill or pid by pid until none is left, for at most
 * `rounds` rounds. */
int cgroup_kill_dir(int dir_fd, int rounds);

/* Call visit for each pid of cgroup.procs until it returns nonzero; the number of pids seen, -1
 * with errno. */
int cgroup_each_process(int dir_fd, int (*visit)(void *ctx, pid_t pid), void *ctx);

/* The same for any file of ids, such as that of the threads. */
int cgroup_each_in(int dir_fd, const char *file, int (*visit)(void *ctx, pid_t pid), void *ctx);

/* The group's directory in the hierarchy of the pids controller. Owned by g. */
int cgroup_processes_dir(const struct cgroup *g);

/* Sleep; ends early on a signal. */
void cgroup_nap(int64_t ns);
