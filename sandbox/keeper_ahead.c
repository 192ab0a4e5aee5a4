/* keeper_ahead.c - see keeper_ahead.h; runs in the keeper, and from serve_keeper on beside it. */
#include "sandbox/keeper_ahead.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "sandbox/base/cleanup.h"
#include "sandbox/base/clock.h"
#include "sandbox/base/io.h"
#include "sandbox/base/units.h"

enum { END_TIMEOUT_MS = 1000, TIDY_TIMES = 5, TIDY_NAP_MS = 4 };

/* Numbers of groups and layers, far from those of the keeper's own cells and from one such process
 * to the next. */
#define FIRST_NUMBER ((int64_t)1 << 40)

struct made {
    char tag; /* 'c' */
    int64_t number;
    struct cell cell;
};

struct failed {
    char tag; /* 'e' */
    struct err err;
};

/* ---- beside the keeper
 * -------------------------------------------------------------------------------------------
 */

/* Cores that no slot's program is on; the keeper's own are left to its next one. */
bool ahead_find_room(const struct ahead_options *o, cpu_set_t *ret)
{
    CPU_ZERO(ret);
    for (size_t i = 0; i < o->cores->count; i++)
        if (!CPU_ISSET(o->cores->cpus[i], &o->maker->cpus))
            CPU_SET(o->cores->cpus[i], ret);
    board_remove_busy(o->board, ret);
    return CPU_COUNT(ret) > 0;
}

static int hand_over(int sock, int64_t number, struct cell *c)
{
    struct made m = { .tag = 'c', .number = number, .cell = *c };
    int *places[CELL_DESCRIPTORS_MAX], fds[CELL_DESCRIPTORS_MAX];
    size_t count = cell_descriptors(c, places);
    for (size_t i = 0; i < count; i++)
        fds[i] = *places[i];
    if (io_send_msg(sock, &m, sizeof m, fds, count) < 0)
        return -1;
    for (size_t i = 0; i < count; i++)
        close(fds[i]);
    cell_init(c);
    return 0;
}

/* 0 also when it could not, which it says: the keeper then makes its cell itself. */
static int make_one(const struct ahead_options *o, struct cell_maker *m, int sock,
                    const char *image)
{
    struct failed f = { .tag = 'e' };
    cpu_set_t room;
    auto_cell_ struct cell c;
    cell_init(&c);
    if (!ahead_find_room(o, &room))
        return io_send_msg(sock, "n", 1, NULL, 0);
    if (sched_setaffinity(0, sizeof room, &room) < 0)
        err_sys(&f.err, "sched_setaffinity");
    else if (cell_build(m, image, &c, &f.err) == 0)
        return hand_over(sock, m->made_count, &c);
    return io_send_msg(sock, &f, sizeof f, NULL, 0);
}

static int by_number(const void *a, const void *b)
{
    return *(const int *)a - *(const int *)b;
}

/* What we had of clients and cells would outlive them in us. */
static int keep_descriptors(const struct cgroup_root *groups, int sock)
{
    int kept[2 + CGROUP_TREES_MAX] = { STDERR_FILENO, sock };
    size_t count = 2 + cgroup_root_descriptors(groups, kept + 2);
    qsort(kept, count, sizeof *kept, by_number);
    unsigned from = 0;
    for (size_t i = 0; i < count; i++) {
        unsigned fd = (unsigned)kept[i];
        if (fd > from && syscall(SYS_close_range, from, fd - 1, 0) < 0)
            return -1;
        from = fd + 1;
    }
    return (int)syscall(SYS_close_range, from, ~0U, 0);
}

_Noreturn static void serve_keeper(const struct ahead_options *o, int sock)
{
    struct cell_maker m = *o->maker;
    m.for_parent = true;
    m.made_count = o->nth * FIRST_NUMBER;
    cgroup_root_number_from(m.groups, o->nth * FIRST_NUMBER);
    char image[64] = "";
    ssize_t n = 0;
    do {
        n = recv(sock, image, sizeof image - 1, 0);
        image[n > 0 ? n : 0] = '\0';
        if (n > 0 && make_one(o, &m, sock, image) < 0)
            break;
    } while (n > 0 || (n < 0 && errno == EINTR));
    _exit(0);
}

/* ---- the keeper
 * ------------------------------------------------------------------------------------------------
 */

/* The process beside us has the board, the cells that either makes have not. */
static pid_t fork_beside(const struct ahead_options *o, int sock, struct err *e)
{
    if (board_inherit(o->board, true, e) < 0)
        return -1;
    pid_t pid = fork();
    if (pid == 0) {
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || board_inherit(o->board, false, e) < 0 ||
            keep_descriptors(o->maker->groups, sock) < 0)
            _exit(1);
        serve_keeper(o, sock);
    }
    if (pid < 0)
        err_sys(e, "fork");
    return board_inherit(o->board, false, e) < 0 ? -1 : pid;
}

int ahead_start(const struct ahead_options *o, struct ahead *ret, struct err *e)
{
    int s[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, s) < 0)
        return err_sys(e, "socketpair");
    pid_t pid = fork_beside(o, s[1], e);
    close(s[1]);
    if (pid < 0) {
        close(s[0]); /* it ends by that */
        return -1;
    }
    *ret = (struct ahead){ .sock = s[0], .pid = pid, .nth = o->nth };
    return 0;
}

void ahead_ask(struct ahead *a, const char *image)
{
    if (a->sock < 0 || a->asked)
        return;
    snprintf(a->image, sizeof a->image, "%s", image);
    a->asked = io_send_msg(a->sock, image, strlen(image), NULL, 0) == 0;
}

/* It is ours, and yet what came is looked at: a cell whose descriptors are not all there is none.
 */
static int take_made(struct made *m, size_t len, const int *fds, size_t fd_count, struct cell *ret)
{
    int *places[CELL_DESCRIPTORS_MAX];
    if (len != sizeof *m || m->tag != 'c')
        return -1;
    size_t count = cell_descriptors(&m->cell, places);
    if (count != fd_count)
        return -1;
    for (size_t i = 0; i < count; i++)
        *places[i] = fds[i];
    *ret = m->cell;
    return 0;
}

/* At its socket's end it leaves, after the cell that it is at. Its wait status, -1 when that was
 * taken by reap_strays. */
static int end_and_wait(struct ahead *a)
{
    int status = -1;
    close_fd(&a->sock);
    a->asked = false;
    int64_t deadline_mono_ns = clock_mono_ns() + END_TIMEOUT_MS * NS_PER_MS;
    struct timespec nap = { .tv_nsec = NS_PER_MS / 4 };
    while (waitpid(a->pid, &status, WNOHANG) == 0) {
        if (clock_mono_ns() > deadline_mono_ns) {
            (void)kill(a->pid, SIGKILL);
            (void)waitpid(a->pid, &status, 0);
            return status;
        }
        (void)nanosleep(&nap, NULL);
    }
    return status;
}

void ahead_end(struct ahead *a)
{
    if (a->sock >= 0)
        (void)end_and_wait(a);
}

static int gone(struct ahead *a, int errnum, struct err *e)
{
    int status = end_and_wait(a);
    bool killed = status != -1 && WIFSIGNALED(status);
    return killed ? err_set(e, ERR_SYS, errnum, "what makes cells ahead was killed by signal %d",
                            WTERMSIG(status))
                  : err_set(e, ERR_SYS, errnum, "what makes cells ahead has gone");
}

/* What it says of its failure, which has left it without a cell. */
static int take_failed(struct failed *f, size_t len, size_t fd_count, struct err *e)
{
    if (len != sizeof *f || f->tag != 'e' || fd_count != 0)
        return -1;
    f->err.msg[sizeof f->err.msg - 1] = '\0';
    *e = f->err;
    return 0;
}

int ahead_take(struct ahead *a, int wait_ms, struct cell *ret, struct err *e)
{
    struct pollfd p = { .fd = a->sock, .events = POLLIN };
    if (a->sock < 0 || poll(&p, 1, wait_ms) <= 0)
        return 0;
    union {
        char tag;
        struct made made;
        struct failed failed;
    } m = { .tag = 0 };
    int fds[IO_FDS_MAX];
    size_t len = 0, fd_count = 0;
    int r = io_recv_msg(a->sock, &m, sizeof m, &len, fds, &fd_count);
    int errnum = r < 0 ? errno : 0;
    a->asked = false;
    if (r == 0 && len == 1 && m.tag == 'n' && fd_count == 0)
        return 0;
    if (r == 0 && take_failed(&m.failed, len, fd_count, e) == 0)
        return -1;
    if (r == 0 && take_made(&m.made, len, fds, fd_count, ret) == 0) {
        a->had_number = m.made.number;
        return 1;
    }
    if (r < 0)
        fd_count = 0;
    for (size_t i = 0; i < fd_count; i++)
        close(fds[i]);
    return gone(a, errnum, e);
}

/* Cells that were handed over have lower numbers. Nobody is in such a file system by its path: who
 * was in it has a mount namespace of its own, which ends with him. */
static void tidy_layers(const struct ahead *a)
{
    auto_dir_ DIR *d = opendir(CELL_LAYERS);
    int64_t first = a->nth * FIRST_NUMBER + 1;
    if (a->had_number >= first)
        first = a->had_number + 1;
    for (const struct dirent *entry; d != NULL && (entry = readdir(d)) != NULL;) {
        char path[KEEPER_PATH_MAX];
        int64_t number;
        struct err e;
        if (units_parse_int(entry->d_name, first, (a->nth + 1) * FIRST_NUMBER, &number, &e) < 0)
            continue;
        snprintf(path, sizeof path, CELL_LAYERS "/%" PRId64, number);
        (void)umount2(path, MNT_DETACH);
        (void)rmdir(path);
    }
}

/* An init whose maker has gone ends by itself: a little later than that. */
void ahead_tidy(const struct ahead *a, const struct cell_maker *m)
{
    const struct timespec nap = { .tv_nsec = TIDY_NAP_MS * NS_PER_MS };
    tidy_layers(a);
    for (int i = 0; i < TIDY_TIMES; i++) {
        (void)nanosleep(&nap, NULL);
        cgroup_root_tidy_from(m->groups, FIRST_NUMBER);
    }
}
