/*
 * up.h - the parts of `minos up`: the data directory, launching a child, supervising the children.
 * All of it runs in the one `minos up` process, as root, without threads.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "sandbox/base/buf.h"
#include "sandbox/base/err.h"
#include "sandbox/base/log.h"

/* Used for uid and gid where the user of box.user does not exist: above what useradd and
 * subordinate ids take, below 2^31. */
#define UP_FALLBACK_ID 1879048190u

struct up_ids {
    uid_t uid;
    gid_t gid;
};

/* The ids of `user` (or the fallback). ERR_INPUT for root: the service must not be. */
must_check_ int up_find_ids(const char *user, struct up_ids *ret, struct err *e);

/* ---- the data directory (up_data.c) ----------------------------------------------------------
 */

struct up_data {
    char *path;     /* absolute, without links up to its last part */
    int fd, run_fd; /* the directory, and run/ below it, which is locked */
};

/* Make it where it is missing (0700, owned by `ids`), check its owner, lock it, wait for the
 * children of a predecessor that was killed to be gone, and remove the sockets they left. ERR_BUSY
 * when another `minos up` holds it. Links are never followed, and only what was made here or the
 * empty directory itself changes its owner. */
must_check_ int up_data_open(const char *path, const struct up_ids *ids, struct up_data *ret,
                             struct err *e);
void up_data_close(struct up_data *d); /* removes sockets in run/ that nobody removed */

/* Copy the *.yaml files of the directory `from` to run/languages, for a service user that cannot
 * read them where they are. *ret_path is the copy; the caller frees. */
must_check_ int up_data_stage(struct up_data *d, const char *from, const struct up_ids *ids,
                              char **ret_path, struct err *e);

/* ---- the socket (up_listen.c) -----------------------------------------------------------------
 */

/* Bind `text` (server.listen) and listen; ERR_SYS when the port stays taken. */
must_check_ int up_listen(const char *text, int *ret_fd, struct err *e);

/* ---- launching (up_launch.c) -----------------------------------------------------------------
 */

struct up_launch {
    const char *path; /* of the program */
    char *const *argv, *const *envp;
    const struct up_ids *ids; /* NULL: stays root */
    const char *cwd;
    int out_fd;    /* its standard output; standard error is ours */
    int ready_fd;  /* becomes descriptor UP_READY_FD; -1: none */
    int listen_fd; /* becomes descriptor UP_LISTEN_FD; -1: none */
};

enum { UP_READY_FD = 3, UP_LISTEN_FD = 4 };

/* Start it in a session of its own with clean descriptors, signals, umask and limits, ids dropped
 * and read back, no_new_privs, and SIGTERM should we die. Returns once it has been executed; all
 * that goes wrong before that is an error here, and nothing is left running. A program that its
 * user cannot reach by path is executed by descriptor. */
must_check_ int up_launch(const struct up_launch *l, pid_t *ret_pid, struct err *e);

/* Whether a process with these ids may read (and search) the directory `path`. */
bool up_can_read_dir(const char *path, const struct up_ids *ids);

/* ---- supervising (up_loop.c) -----------------------------------------------------------------
 */

/* UP_SERVER_NEXT is a minos-server that is about to take UP_SERVER's place, or has left it;
 * UP_CHECK reads a configuration that is about to come into force. */
enum up_role {
    UP_BOX,
    UP_WORKER,
    UP_SERVER,
    UP_COURIER,
    UP_SERVER_NEXT,
    UP_CHECK,
    UP_HELLO,
    UP_ROLE_COUNT
};

struct up_child {
    const char *name;
    char *path;
    char **argv; /* owned, NULL-terminated; NULL: this one is not wanted */
    bool drops;  /* runs as the service user */

    pid_t pid; /* 0: not running */
    bool ready;
    int ready_fd;    /* -1: nothing more to hear */
    struct buf said; /* what came from ready_fd: "ready DETAIL\n" */
    int64_t started_mono_ns;
    int64_t restart_mono_ns; /* when to start it again; 0: not planned */
    int64_t backoff_ms;
};

struct up {
    struct log log;
    struct up_child children[UP_ROLE_COUNT];
    struct up_ids ids;
    int64_t drain_ms; /* worker.stop_timeout_ms */
    struct up_data data;
    char **envp;
    char *url;     /* once it serves */
    int listen_fd; /* where clients connect; every minos-server is given it */
    bool json;
};

/* Run the children until a signal ends it or one cannot start. Returns the exit status; nothing is
 * left running. */
int up_supervise(struct up *up);

/* Append a copy of `arg` to a NULL-terminated vector (NULL at first), owned by the caller. */
void up_push(char ***argv, const char *arg);
void up_vector_free(char **argv);
