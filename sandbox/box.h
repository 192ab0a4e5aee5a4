/*
 * box.h - the door of the sandbox: what the worker (and `minos run`) may ask of a keeper, and
 * nothing else.
 *
 * A keeper is a privileged process that builds single-use cells. This client speaks its protocol
 * over a SOCK_SEQPACKET socket (wire.h) and pumps the program's output. One client owns one keeper;
 * calls are not thread-safe.
 *
 * The guilt of the judged program is data (struct box_outcome); an error means that the judge or
 * the host failed.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "sandbox/base/err.h"
#include "sandbox/base/limits.h"

enum {
    BOX_COMMANDS_MAX = 8,       /* commands that run at once, joined by pipes */
    BOX_FILES_MAX = 64,         /* files placed into one cell */
    BOX_NAME_MAX = 255,         /* bytes of one file name */
    BOX_ARGS_BYTES_MAX = 65536, /* argv and env of one command, NULs included */
    BOX_PROOF_MAX = 40,         /* rows of a proof */
    BOX_COLLECT_FILES_MAX = 1024,
    BOX_COLLECT_DEPTH_MAX = 8,
};

/* Who stopped a command, and why. BOX_CAUSE_NONE: it ended by itself. One row each, in order of the
 * wire numbers. */
#define BOX_CAUSES(X)                                                                              \
    X(NONE, "none", "ended by itself")                                                             \
    X(CPU, "cpu", "used its cpu time")                                                             \
    X(WALL, "wall", "ran too long while it computed")                                              \
    X(IDLE, "idle", "ran too long while it slept or waited")                                       \
    X(MEMORY, "memory", "needed more memory than its limit")                                       \
    X(OUTPUT, "output", "wrote more output than its limit")                                        \
    X(PROCESSES, "processes", "needed more processes or threads than its limit")                   \
    X(SECCOMP, "seccomp", "made a system call that only attacks make")                             \
    X(CANCEL, "cancel", "was cancelled")                                                           \
    X(ENOUGH, "enough", "was stopped because its outcome was already known")                       \
    X(PEER, "peer", "was stopped because a command joined to it was stopped")

enum box_cause {
#define X(id, name, help) BOX_CAUSE_##id,
    BOX_CAUSES(X)
#undef X
};

/* "cpu" and so on. */
const char *box_cause_name(enum box_cause cause);

/* A file to put into the working directory /box before the start. Contents are read from `fd` (a
 * regular file or memfd, from offset 0, borrowed) and belong to the program: it may change or
 * remove them. */
struct box_file {
    const char *name; /* one component: no '/', not "." or "..", 1 to BOX_NAME_MAX bytes */
    int fd;
    bool executable;
};

/* Where one of the program's output streams goes. Exactly one way:
 *   fd >= 0       straight to this descriptor (borrowed); not counted, not capped by us;
 *   write != NULL through a pipe that box_run reads: called with each piece, at most output_bytes
 * in total; returning nonzero means "enough": the command is stopped with BOX_CAUSE_ENOUGH; else
 * through a pipe that box_run reads, counts, caps and drops. */
struct box_sink {
    int fd; /* -1: none */
    int (*write)(void *ctx, const void *data, size_t len);
    void *ctx;
};

struct box_command {
    const char *image;    /* "host" or a configured name */
    const char *artifact; /* lower-case hex name below the keeper's artifact root, laid into /box,
                             not the program's own; or NULL */
    const char *const *argv; /* NULL-terminated; argv[0] is searched in the cell's PATH (from env)
                                unless it has a '/' */
    const char *const *env;  /* NULL-terminated "NAME=VALUE", the whole environment; may be NULL */
    const struct box_file *files;
    size_t file_count;
    struct limits limits;
    int stdin_fd; /* borrowed; -1: /dev/null */
    struct box_sink stdout_sink, stderr_sink;
    bool keep_files; /* keep /box after the end so that box_collect can be called; ended by
                        box_release or the next run */
};

/* Joins stdout of command `from` to stdin of command `to` (indices); their sink and stdin_fd must
 * be unset. */
struct box_join {
    int from, to;
};

/* While commands run: `poll_fd` (or -1) becoming readable, or `every_ms` (or 0) passing (at
 * first `first_ms`, unless 0), calls `check`, which returns BOX_CAUSE_NONE to go on or the cause
 * with which to stop everything. */
struct box_watch {
    int poll_fd;
    int64_t first_ms, every_ms;
    enum box_cause (*check)(void *ctx);
    void *ctx;
    /* Or NULL: asked once, when the command runs (one alone, without keep_files), for that which
     * will be run next; NULL for none. Its cell is made ready meanwhile. It and what it points to
     * stay as they are until box_run has run it, as commands[0] alone and at the same address,
     * or box_forget, or a box_run of anything else. A fault of it is told by its own run. */
    const struct box_command *(*next)(void *ctx);
    void *next_ctx;
};

struct box_outcome {
    bool started; /* execve succeeded; false: exec_errno says why not, and the rest is 0 */
    int exec_errno;
    bool exited;   /* true: exit_code; false: signal */
    int exit_code; /* 0..255, -1 when it did not exit */
    int signal;    /* 1..64, 0 when it was not killed by a signal */
    enum box_cause cause;
    int seccomp_syscall; /* number of the call that was refused with BOX_CAUSE_SECCOMP, else -1 */
    int64_t cpu_ns, user_ns,
        system_ns;           /* the cell's cgroup, from release to the death of the last process */
    int64_t wall_ns;         /* release to the end of the main process */
    int64_t release_mono_ns; /* when it was let go, by the host's CLOCK_MONOTONIC */
    int64_t memory_peak_bytes;    /* cgroup peak: anonymous, tmpfs, page cache and kernel memory */
    int64_t memory_nocache_bytes; /* peak without file pages, -1 where the kernel gives none */
    int64_t rss_peak_bytes;       /* largest resident set of one process (rusage) */
    int64_t process_peak_count;   /* -1 where the kernel gives none */
    int64_t stdout_bytes,
        stderr_bytes; /* what the sinks got; -1 where a stream went straight to a descriptor */
    int64_t voluntary_switches, involuntary_switches;
    int64_t oom_kills;        /* processes killed for memory */
    int64_t process_refusals; /* forks refused for the process limit */
};

/* One checked property of the isolation, seen from inside a cell. */
struct box_proof_row {
    char layer[24]; /* "pid namespace" */
    char claim[96]; /* "only its own processes are visible" */
    char seen[96];  /* what was observed */
    char mend[160]; /* what an operator can do where it does not hold; "" when ok */
    bool ok;
    bool allowed; /* not ok, but accepted by box.allow_missing */
};

struct box_proof {
    struct box_proof_row rows[BOX_PROOF_MAX];
    size_t count;
    bool complete;   /* every row ok */
    char cgroup[16]; /* "v2", "v1", "hybrid" */
    char mode[16];   /* "root", "rootless" */
    char kernel[80];
};

/* A file that a command left in /box. */
struct box_collected {
    char *name; /* relative path, components joined by '/'; owned by box_collect's caller */
    int fd;     /* read-only, regular, one link; owned */
    int64_t bytes;
    bool executable;
};

struct box;

/* How to reach a keeper. */
struct box_options {
    const char *program; /* path of minos-box: a keeper is started on a socket pair (needs root, or
                            rootless mode) */
    const char *const *args; /* further arguments for it, NULL-terminated; may be NULL */
    const char *socket_path; /* else connect to a `minos-box listen` here */
    int64_t timeout_ms;      /* for the greeting, proof included */
};

/* Open a keeper and take its greeting: ERR_SYS with the keeper's own words when it refuses to start
 * (a layer is missing...). */
must_check_ int box_open(const struct box_options *opt, struct box **ret, struct err *e);
void box_close(struct box *b); /* ends the keeper and everything in its cells */

/* Between runs: whether the keeper still waits for the next. ERR_SYS when it has ended, with its
 * last words if there are any; b is unusable then. */
must_check_ int box_check(struct box *b, struct err *e);

/* For poll(2) between runs: readable when the keeper has ended. Owned by b; -1 when it is unusable.
 */
int box_fd(const struct box *b);

/* Whether the keeper ended without saying why: it was killed. Its next one may well serve. */
bool box_keeper_died(const struct box *b);

/* The proof the keeper gave at start. Owned by b. */
const struct box_proof *box_proof(const struct box *b);

/* Run `count` commands at once, each in a fresh cell, until the last has ended; outcomes[i] belongs
 * to commands[i]. Order: cells are built, files placed, all released together, outputs pumped.
 * ERR_INPUT: a command is malformed or above the keeper's ceilings (nothing ran); ERR_SYS: the host
 * or the keeper failed (after which b is unusable: close it). `joins`, `watch` may be NULL/0. */
must_check_ int box_run(struct box *b, const struct box_command *commands, size_t count,
                        const struct box_join *joins, size_t join_count,
                        const struct box_watch *watch, struct box_outcome *outcomes, struct err *e);

/* Give up what box_watch.next announced, if anything; its descriptors are ours no longer. A keeper
 * keeps what it made ready for as long as it may be asked for. ERR_SYS as box_run. */
must_check_ int box_forget(struct box *b, struct err *e);

/* After a run of one command with keep_files: the regular files below /box that were written or
 * changed there, links, devices and files with more than one name left out (counted in
 * *ret_refused). At most max_bytes in total, else ERR_INPUT. `keep` is asked for each name; NULL
 * keeps all. The caller frees with box_collected_free. */
must_check_ int box_collect(struct box *b, int64_t max_bytes,
                            bool (*keep)(void *ctx, const char *name), void *ctx,
                            struct box_collected **ret, size_t *ret_count, size_t *ret_refused,
                            struct err *e);
void box_collected_free(struct box_collected *files, size_t count);

/* Drop what keep_files kept. */
must_check_ int box_release(struct box *b, struct err *e);
