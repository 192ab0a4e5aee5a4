/*
 * keeper_cell.h - one single-use cell, as the keeper holds it.
 *
 *   cell_build     namespaces, mounts, groups, locked-down process: knows nothing of its job, may
 * be done ahead of time cell_arm       limits, files and artifact of the job cell_release   the
 * program starts (keeper_run.c watches it) cell_reap      after its init has ended: report and
 * usage cell_destroy   everything is gone, whatever state it was in
 */
#pragma once

#include "sandbox/base/conf.h"
#include "sandbox/base/err.h"
#include "sandbox/box.h"
#include "sandbox/cgroup.h"
#include "sandbox/filter.h"
#include "sandbox/inside.h"
#include "sandbox/keeper_furnish.h"
#include "sandbox/keeper_net.h"
#include "sandbox/keeper_root.h"
#include "sandbox/keeper_user.h"

/* What every cell of a keeper is made with. */
struct cell_maker {
    const struct conf *conf;
    const struct keeper_root *root;
    struct cgroup_root *groups;
    const struct filter *filter;
    uint32_t layers_off; /* 0 but in a test build */
    cpu_set_t cpus;
    int64_t cpu_count;
    const struct keeper_user *user;   /* ids of 0 and 1000 inside, this keeper's alone */
    int64_t made_count;               /* numbers cells; never repeats */
    struct furnish_artifact artifact; /* of the last job that had one */
    bool for_parent;                  /* cells are children of our parent: keeper_ahead.h */
};

#define CELL_LAYERS "/cells"

struct cell {
    char image[64];
    char layer_path[KEEPER_PATH_MAX]; /* "/cells/7", a tmpfs */
    struct cgroup group;
    pid_t init_pid;
    int pidfd;     /* of init; readable when the cell is dead */
    int init_sock; /* see inside.h */
    int command_sock;
    int listener_fd; /* seccomp notices, -1 where the kernel has none */
    int mntns_fd;
    int net_fds[KEEPER_NET_FILES];
    int artifact_fd;    /* what cell_arm laid into /box, -1: nothing */
    int64_t laid_bytes; /* what cell_arm took of memory, ours and not the cell's */
    bool built, released, reaped;
    bool alone; /* its program has ended and left nothing but init, which ends, too */
    int64_t release_mono_ns;
};

#define auto_cell_ __attribute__((cleanup(cell_destroy)))

/* What a cell is to run. All borrowed. */
struct cell_job {
    const char *artifact; /* 64 hex digits or NULL */
    bool as_found;        /* only an artifact that is the last one still: no other is looked into */
    const char *text;     /* argv and env, NUL after each */
    uint32_t text_bytes, argc, envc;
    bool probe;
    struct limits limits;
    const struct box_file *files;
    size_t file_count;
    int stdio_fds[3];
};

void cell_init(struct cell *c); /* the empty cell, which cell_destroy accepts */

/* Where its open descriptors stand, for handing it to another process; the count. */
enum { CELL_DESCRIPTORS_MAX = 5 + KEEPER_NET_FILES + CGROUP_DESCRIPTORS_MAX };
size_t cell_descriptors(struct cell *c, int *ret[CELL_DESCRIPTORS_MAX]);

must_check_ int cell_build(struct cell_maker *m, const char *image, struct cell *ret,
                           struct err *e);
must_check_ int cell_arm(struct cell_maker *m, struct cell *c, const struct cell_job *job,
                         struct err *e);
/* The message to the cell is put together in `space`. */
must_check_ int cell_release(struct cell *c, const struct cell_job *job, struct inside_job *space,
                             struct err *e);

/* What was learned of a dead cell. */
struct cell_end {
    bool reported;  /* init told how the program ended */
    int exec_errno; /* 0: it was started */
    bool unread;    /* the program's process ended without having taken its job */
    struct inside_report report;
    struct cgroup_usage usage;
};

/* When init_sock has become readable: the program has ended. *ret_alone tells that nothing but our
 * init was left, so that the numbers are final although the cell is still being torn down; else
 * wait for cell_reap. `ret` starts as zero bytes and is carried on to cell_reap. */
must_check_ int cell_hear(struct cell *c, struct cell_end *ret, bool *ret_alone, struct err *e);

/* After pidfd has become readable: everything in the cell is dead. */
must_check_ int cell_reap(struct cell *c, struct cell_end *ret, struct err *e);

/* Kill, wait, unmount, remove; accepts any state. What a program made in its files is dropped with
 * the mount. */
void cell_destroy(struct cell *c);

/* Descriptor of the directory that holds what was written to /box (on the cell's tmpfs). */
must_check_ int cell_open_box(const struct cell *c, int *ret_fd, struct err *e);
