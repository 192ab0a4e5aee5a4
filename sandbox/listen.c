/*
 * listen.c - waits for the worker's slots and forks a keeper for each. Runs as root; reads nothing
 * from a connection but the kernel's word on who is at the other end.
 */
#include "sandbox/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sandbox/base/cleanup.h"
#include "sandbox/base/clock.h"
#include "sandbox/base/conf_reload.h"
#include "sandbox/base/files.h"
#include "sandbox/base/ready.h"
#include "sandbox/cgroup.h"
#include "sandbox/inside.h"
#include "sandbox/keeper.h"
#include "sandbox/keeper_guard.h"

enum { KEEPERS_MAX = BOARD_SLOTS_MAX, END_TIMEOUT_MS = 10000 };

struct listener {
    const struct listen_options *options;
    int sock, signal_fd;
    pid_t keepers[KEEPERS_MAX]; /* by slot; 0: free */
    int keepers_max;            /* how many of them may be in use */
    struct board *board;
    bool ending, guarded;
};

/* For us and, by inheritance, our keepers. Those of an ordinary user run set-id programs for their
 * ids first, and so take the filter later. */
static int confine(struct listener *l, struct err *e)
{
    l->guarded = geteuid() == 0;
    return keeper_guard_drop(KEEPER_STARTS, e) < 0 || (l->guarded && keeper_guard_calls(e) < 0) ? -1
                                                                                                : 0;
}

/* The directory may be the user's own, who could have put another file in the socket's place by
 * now: so give away what we see to be a socket of ours with no other name, and not a path. */
static int give_socket(const char *path, uid_t uid, struct err *e)
{
    struct stat st;
    auto_fd_ int file = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (file < 0 || fstat(file, &st) < 0)
        return err_sys(e, "open %s", path);
    if (!S_ISSOCK(st.st_mode) || st.st_uid != geteuid() || st.st_nlink != 1)
        return err_set(e, ERR_SYS, EPERM, "%s was replaced", path);
    if (fchownat(file, "", uid, (gid_t)-1, AT_EMPTY_PATH) < 0)
        return err_sys(e, "give %s to user %u", path, uid);
    return 0;
}

static int open_socket(const struct listen_options *o, int *ret, struct err *e)
{
    struct sockaddr_un sa = { .sun_family = AF_UNIX };
    if (strlen(o->socket_path) >= sizeof sa.sun_path)
        return err_input(e, "--socket: longer than %zu bytes", sizeof sa.sun_path - 1);
    memcpy(sa.sun_path, o->socket_path, strlen(o->socket_path));
    auto_fd_ int sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (sock < 0)
        return err_sys(e, "socket");
    struct stat st;
    if (lstat(o->socket_path, &st) == 0 && S_ISSOCK(st.st_mode))
        (void)unlink(o->socket_path); /* of a listener that was killed: the data directory's lock is
                                         held by who started us */
    mode_t before = umask(0177);
    int r = bind(sock, (struct sockaddr *)&sa, sizeof sa);
    umask(before);
    if (r < 0 || listen(sock, 64) < 0)
        return err_sys(e, "listen on %s", o->socket_path);
    if (give_socket(o->socket_path, o->uid, e) < 0)
        return -1;
    *ret = take_fd(&sock);
    return 0;
}

/* Find and leave again the place for our keepers' groups: whoever starts us then hears at once when
 * there is none, and on v2 the processes are out of the way before keepers that start at the same
 * time could meet over it. */
static int try_groups(const struct listen_options *o, struct err *e)
{
    struct cgroup_root *r = NULL;
    if (cgroup_root_open(o->conf->box_cgroup, &r, e) < 0)
        return -1;
    cgroup_root_close(r);
    return 0;
}

static int open_signals(int *ret, struct err *e)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGCHLD);
    if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
        return err_sys(e, "sigprocmask");
    *ret = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return *ret < 0 ? err_sys(e, "signalfd") : 0;
}

/* A worker has one for each slot; those of slots that have died, or of a worker that was replaced,
 * may still be leaving. What a worker that was taken over asks for beyond that, it does not get. */
static int allowed_keepers(const struct conf *c)
{
    enum { LEAVING = 8 };
    int64_t slots = c->worker_slots > 0 ? c->worker_slots : sysconf(_SC_NPROCESSORS_ONLN);
    int64_t allowed = 2 * (slots > 0 ? slots : 1) + LEAVING;
    return allowed < KEEPERS_MAX ? (int)allowed : KEEPERS_MAX;
}

/* The keeper's process. */
_Noreturn static void become_keeper(struct listener *l, int connection, int64_t slot, pid_t parent)
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    close(l->sock);
    close(l->signal_fd);
    if (l->options->ready_fd >= 0)
        close(l->options->ready_fd);
    if (prctl(PR_SET_PDEATHSIG, SIGTERM) < 0 || getppid() != parent)
        _exit(1);
    struct keeper_options o = { .board = l->board,
                                .conf = l->options->conf,
                                .log = l->options->log,
                                .artifacts = l->options->artifacts,
                                .sock = connection,
                                .slot = slot,
                                .guarded = l->guarded };
    exit(keeper_serve(&o));
}

static void take_connection(struct listener *l)
{
    auto_fd_ int connection = accept4(l->sock, NULL, NULL, SOCK_CLOEXEC);
    struct ucred peer;
    socklen_t len = sizeof peer;
    if (connection < 0 || getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0)
        return;
    if (peer.uid != l->options->uid && peer.uid != 0) {
        log_event(l->options->log, LOG_WARN, "connection_refused", "uid=%u pid=%d", peer.uid,
                  (int)peer.pid);
        return;
    }
    int slot = 0;
    while (slot < l->keepers_max && l->keepers[slot] != 0)
        slot++;
    if (slot == l->keepers_max) {
        log_event(l->options->log, LOG_WARN, "connection_refused",
                  "reason=too_many_keepers keepers=%d (twice worker.slots and 8 as this process "
                  "read it at its start)",
                  slot);
        return;
    }
    board_clear(l->board, slot);
    pid_t self = getpid(), pid = fork();
    if (pid == 0)
        become_keeper(l, connection, slot, self);
    if (pid < 0)
        log_event(l->options->log, LOG_ERROR, "fork_failed", "errno=%s", strerrorname_np(errno));
    else
        l->keepers[slot] = pid;
}

static void reap(struct listener *l)
{
    for (;;) {
        int status;
        pid_t pid = waitpid(-1, &status, WNOHANG);
        if (pid <= 0)
            return;
        for (int i = 0; i < KEEPERS_MAX; i++)
            if (l->keepers[i] == pid) {
                l->keepers[i] = 0;
                board_clear(l->board, i);
            }
        if (WIFSIGNALED(status))
            log_event(l->options->log, LOG_WARN, "keeper_killed", "pid=%d signal=%d%s", (int)pid,
                      WTERMSIG(status), log_mend_of(WTERMSIG(status)));
    }
}

/* For keepers that start from now on; those that serve keep what they have. */
static void reload(struct listener *l)
{
    const struct listen_options *o = l->options;
    struct conf next;
    auto_conf_change_ struct conf_change change = { 0 };
    struct err e;
    if (conf_reload(o->conf, o->config_file, o->sets, &next, &change, &e) < 0) {
        conf_reload_refuse(o->log, o->ready_fd, &e);
        return;
    }
    conf_done(o->conf);
    *o->conf = next;
    conf_reload_say(o->log, o->ready_fd, &change, "");
}

static void take_signals(struct listener *l)
{
    struct signalfd_siginfo info;
    while (read(l->signal_fd, &info, sizeof info) == (ssize_t)sizeof info) {
        if (info.ssi_signo == SIGHUP)
            reload(l);
        else if (info.ssi_signo != SIGCHLD)
            l->ending = true;
    }
    reap(l);
}

static int keeper_count(const struct listener *l)
{
    int n = 0;
    for (int i = 0; i < KEEPERS_MAX; i++)
        n += l->keepers[i] != 0;
    return n;
}

static void signal_keepers(const struct listener *l, int signal_number)
{
    for (int i = 0; i < KEEPERS_MAX; i++)
        if (l->keepers[i] != 0)
            (void)kill(l->keepers[i], signal_number);
}

/* SIGTERM lets keepers remove their groups; who does not end in time is killed, and swept up by the
 * next start. */
static void end_keepers(struct listener *l)
{
    int64_t deadline_mono_ns = clock_mono_ns() + END_TIMEOUT_MS * NS_PER_MS;
    signal_keepers(l, SIGTERM);
    while (keeper_count(l) > 0) {
        int64_t left_ms = (deadline_mono_ns - clock_mono_ns()) / NS_PER_MS;
        if (left_ms <= 0) {
            signal_keepers(l, SIGKILL);
            return;
        }
        struct pollfd p = { .fd = l->signal_fd, .events = POLLIN };
        (void)poll(&p, 1, (int)left_ms);
        take_signals(l);
    }
}

int listen_serve(const struct listen_options *o)
{
    struct listener l = {
        .options = o, .sock = -1, .signal_fd = -1, .keepers_max = allowed_keepers(o->conf)
    };
    struct err e;
    ready_keep(o->ready_fd);
    if (files_allow(INSIDE_OPEN_FILES, &e) < 0 || confine(&l, &e) < 0 ||
        board_make(&l.board, &e) < 0 || open_signals(&l.signal_fd, &e) < 0 ||
        try_groups(o, &e) < 0 || open_socket(o, &l.sock, &e) < 0) {
        log_error(o->log, "listen_failed", &e);
        return 1;
    }
    ready_tell(o->ready_fd, o->socket_path);
    while (!l.ending) {
        struct pollfd p[2] = { { .fd = l.sock, .events = POLLIN },
                               { .fd = l.signal_fd, .events = POLLIN } };
        if (poll(p, 2, -1) < 0 && errno != EINTR)
            break;
        if (p[1].revents != 0)
            take_signals(&l);
        if (p[0].revents != 0 && !l.ending)
            take_connection(&l);
    }
    /* While it still answers, the name is ours: whoever starts next waits until it does not, and
     * then binds a socket of its own, which must not be the one that goes. */
    (void)unlink(o->socket_path);
    close(l.sock);
    end_keepers(&l);
    return 0;
}
