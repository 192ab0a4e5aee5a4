/*
 * up_loop.c - supervising the service; the `minos up` process.
 *
 *     START_BOX -> START_REST -> SERVING -> STOP_SERVER -> STOP_WORKER -> STOP_COURIER -> STOP_BOX
 *         |            |          ^|             ^                            -> STOP_REST -> OVER
 *         |            |           |__ a child that dies is started again, with back-off
 *         |____________|_________________________| (a child cannot start)
 *
 * Invariants:
 * 1. Children are reaped here only, so a pid in `children` is never reused: kill(pid) is safe.
 * 2. The process is a subreaper: what a dying child leaves comes to us, and STOP_REST waits for it.
 * 3. The order of stopping follows the work: no new requests, then finish what runs, then no cells.
 * 4. Nothing blocks but poll (and up_launch, which ends when its child executes).
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sandbox/base/cleanup.h"
#include "sandbox/base/clock.h"
#include "sandbox/base/io.h"
#include "sandbox/base/ready.h"
#include "sandbox/base/units.h"
#include "server/cli/cli.h"
#include "server/cli/up_loop.h"

enum {
    STOP_MS = 15000,       /* from SIGTERM to SIGKILL */
    DRAIN_MORE_MS = 10000, /* the same for the worker, beyond worker.stop_timeout_ms */
    REST_MS = 5000,        /* for what children left behind */
    BACKOFF_FIRST_MS = 100,
    BACKOFF_MAX_MS = 10000,
    BACKOFF_KILLED_MAX_MS = 400, /* for one that was killed while it served, see plan_restart */
    /* A child that lived so many times as long as its last pause, and at least so long, is steady
     * and starts again after the first pause: one that is killed now and then is back at once, and
     * one that keeps dying is down for a tenth of the time at most before its pauses grow. */
    STEADY_TIMES = 10,
    STEADY_MS = 1000,
    SAID_BYTES = 4 * READY_REPORT_BYTES,
};

static void set_phase(struct loop *l, enum phase phase, int64_t within_ms)
{
    l->phase = phase;
    l->killed = false;
    l->deadline_mono_ns = within_ms > 0 ? clock_mono_ns() + within_ms * NS_PER_MS : 0;
}

static bool stopping(const struct loop *l)
{
    return l->phase >= STOP_SERVER;
}

/* ---- starting ----------------------------------------------------------------------------- */

int up_start(struct loop *l, struct up_child *c, struct err *e)
{
    int pipe_fds[2] = { -1, -1 };
    struct up *up = l->up;
    if (pipe2(pipe_fds, O_CLOEXEC) < 0)
        return err_sys(e, "pipe");
    auto_fd_ int read_fd = pipe_fds[0], write_fd = pipe_fds[1];
    bool hello = c == &up->children[UP_HELLO];
    bool serves = c == &up->children[UP_SERVER] || c == &up->children[UP_SERVER_NEXT];
    struct up_launch launch = {
        .path = c->path,
        .argv = c->argv,
        .envp = up->envp,
        .ids = c->drops ? &up->ids : NULL,
        .cwd = c->drops ? up->data.path : "/",
        .out_fd = hello ? STDOUT_FILENO : STDERR_FILENO,
        .ready_fd = hello ? -1 : write_fd,
        .listen_fd = serves ? up->listen_fd : -1,
    };
    c->restart_mono_ns = 0;
    if (up_launch(&launch, &c->pid, e) < 0)
        return err_wrap(e, "%s", c->name);
    if (fcntl(read_fd, F_SETFL, O_NONBLOCK) < 0)
        return err_sys(e, "fcntl");
    c->ready = false;
    c->ready_fd = hello ? -1 : take_fd(&read_fd);
    buf_done(&c->said);
    buf_init(&c->said, SAID_BYTES);
    c->started_mono_ns = clock_mono_ns();
    log_event(&up->log, LOG_INFO, "child_started", "name=%s pid=%d", c->name, (int)c->pid);
    return 0;
}

static void begin_stop(struct loop *l, int status);

/* Start it, or end everything: used while nothing serves yet. */
static void start_or_end(struct loop *l, enum up_role role)
{
    struct err e;
    if (up_start(l, &l->up->children[role], &e) == 0)
        return;
    fprintf(stderr, "minos up: %s\n", e.msg);
    begin_stop(l, CLI_SERVICE);
}

static void say_ready(struct loop *l)
{
    struct up *up = l->up;
    struct err e;
    auto_free_ char *line =
        up->json ? xasprintf("{\"ready\": \"%s\", \"data_dir\": \"%s\"}\n", up->url, up->data.path)
                 : xasprintf("ready %s\n", up->url);
    if (cli_print(line, &e) < 0)
        log_error(&up->log, "ready_not_said", &e);
    ready_tell(-1, "");
    if (up->children[UP_HELLO].argv == NULL)
        return;
    auto_free_ char *key = xasprintf("%s/admin.key", up->data.path);
    const char *const more[] = { "--url", up->url, "--key-file", key };
    for (size_t i = 0; i < ARRAY_COUNT(more); i++)
        up_push(&up->children[UP_HELLO].argv, more[i]);
    if (up_start(l, &up->children[UP_HELLO], &e) < 0)
        log_error(&up->log, "hello_not_started", &e);
}

/* ---- stopping ----------------------------------------------------------------------------- */

void up_ask_to_stop(const struct up_child *c)
{
    if (c->pid > 0)
        (void)!kill(c->pid, SIGTERM);
}

static void begin_stop(struct loop *l, int status)
{
    if (stopping(l))
        return;
    l->status = status;
    set_phase(l, STOP_SERVER, STOP_MS);
    up_ask_to_stop(&l->up->children[UP_SERVER]);
    up_ask_to_stop(&l->up->children[UP_SERVER_NEXT]);
    up_ask_to_stop(&l->up->children[UP_HELLO]);
    up_ask_to_stop(&l->up->children[UP_CHECK]);
}

static bool gone(const struct loop *l, enum up_role role)
{
    return l->up->children[role].pid == 0;
}

void up_kill_session(const struct up_child *c)
{
    if (c->pid > 0)
        (void)!kill(-c->pid, SIGKILL);
}

/* Kill what dying children left to us. Nobody but us reaps them, so their numbers are still theirs.
 * Their own children come to us next. */
static void kill_orphans(void)
{
    auto_buf_ struct buf list = { 0 };
    struct err e;
    if (io_read_file(AT_FDCWD, "/proc/thread-self/children", 1 << 20, &list, &e) < 0)
        return;
    char *rest = list.data;
    int64_t pid;
    for (char *word; (word = strsep(&rest, " \n")) != NULL;)
        if (units_parse_int(word, 2, INT32_MAX, &pid, &e) == 0)
            (void)!kill((pid_t)pid, SIGKILL);
}

/* The phase took too long, or the operator pressed Ctrl-C again. */
static void hurry(struct loop *l)
{
    static const enum up_role of_phase[] = {
        [STOP_SERVER] = UP_SERVER,
        [STOP_WORKER] = UP_WORKER,
        [STOP_COURIER] = UP_COURIER,
        [STOP_BOX] = UP_BOX,
    };
    struct up *up = l->up;
    l->killed = true;
    l->deadline_mono_ns = clock_mono_ns() + REST_MS * NS_PER_MS;
    if (l->phase == STOP_SERVER) {
        up_kill_session(&up->children[UP_HELLO]);
        up_kill_session(&up->children[UP_SERVER_NEXT]);
        up_kill_session(&up->children[UP_CHECK]);
    }
    if (l->phase < STOP_REST)
        up_kill_session(&up->children[of_phase[l->phase]]);
    else
        kill_orphans();
}

static bool no_children_left(void)
{
    siginfo_t info;
    return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0 && errno == ECHILD;
}

/* Move on when what this phase waits for has happened. */
static void advance(struct loop *l)
{
    struct up_child *children = l->up->children;
    switch (l->phase) {
    case START_BOX:
        if (!children[UP_BOX].ready)
            return;
        set_phase(l, START_REST, UP_START_MS);
        start_or_end(l, UP_WORKER);
        if (l->phase == START_REST)
            start_or_end(l, UP_SERVER);
        if (l->phase == START_REST && children[UP_COURIER].argv != NULL)
            start_or_end(l, UP_COURIER);
        return;
    case START_REST:
        if (!children[UP_WORKER].ready || !children[UP_SERVER].ready ||
            (children[UP_COURIER].argv != NULL && !children[UP_COURIER].ready))
            return;
        set_phase(l, SERVING, 0);
        say_ready(l);
        return;
    case STOP_SERVER:
        if (!gone(l, UP_SERVER) || !gone(l, UP_SERVER_NEXT) || !gone(l, UP_HELLO) ||
            !gone(l, UP_CHECK))
            return;
        set_phase(l, STOP_WORKER, l->up->drain_ms + DRAIN_MORE_MS);
        up_ask_to_stop(&children[UP_WORKER]);
        return;
    case STOP_WORKER:
        if (!gone(l, UP_WORKER))
            return;
        set_phase(l, STOP_COURIER, STOP_MS);
        up_ask_to_stop(&children[UP_COURIER]);
        return;
    case STOP_COURIER:
        if (!gone(l, UP_COURIER))
            return;
        set_phase(l, STOP_BOX, STOP_MS);
        up_ask_to_stop(&children[UP_BOX]);
        return;
    case STOP_BOX:
        if (gone(l, UP_BOX))
            set_phase(l, STOP_REST, REST_MS);
        return;
    case STOP_REST:
        if (l->killed)
            kill_orphans(); /* those that came to us since */
        if (no_children_left())
            set_phase(l, OVER, 0);
        return;
    case SERVING:
    case OVER:
        return;
    }
}

/* ---- events ------------------------------------------------------------------------------- */

/* A line that the child has said; *c becomes where it stands when that has changed. */
static void hear_line(struct loop *l, struct up_child **c, char *line)
{
    static const char prefix[] = "ready";
    const size_t len = sizeof prefix - 1;
    struct up_child *server = &l->up->children[UP_SERVER];
    if (strncmp(line, prefix, len) != 0) {
        up_reload_heard(l, *c, line);
        return;
    }
    (*c)->ready = true;
    if (*c == &l->up->children[UP_SERVER_NEXT] && !stopping(l)) {
        up_change_over(l);
        *c = server;
    }
    if (*c != server)
        return;
    free(l->up->url);
    l->up->url = xstrdup(line + len + strspn(line + len, " "));
}

static char *take_line(struct buf *b)
{
    char *end = b->len > 0 ? memchr(b->data, '\n', b->len) : NULL;
    if (end == NULL)
        return NULL;
    char *line = xstrndup(b->data, (size_t)(end - b->data));
    b->len -= (size_t)(end + 1 - b->data);
    memmove(b->data, end + 1, b->len);
    return line;
}

/* Take what the child says on its ready descriptor: its readiness, and what reloads came to. */
static void hear(struct loop *l, struct up_child *c)
{
    struct err e;
    char chunk[READY_REPORT_BYTES];
    ssize_t n = 0;
    while (c->ready_fd >= 0 && (n = read(c->ready_fd, chunk, sizeof chunk)) > 0)
        if (buf_add(&c->said, chunk, (size_t)n, &e) < 0)
            close_fd(&c->ready_fd);
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
        close_fd(&c->ready_fd);
    for (char *line; (line = take_line(&c->said)) != NULL; free(line))
        hear_line(l, &c, line);
}

/* One that was killed while it served did not say that it cannot serve: however often it happens,
 * it is back soon. The pause keeps a host that kills for want of memory from doing nothing else. */
static void plan_restart(struct loop *l, struct up_child *c, bool killed)
{
    int64_t most_ms = killed && c->ready ? BACKOFF_KILLED_MAX_MS : BACKOFF_MAX_MS;
    int64_t now = clock_mono_ns();
    int64_t lived_ms = (now - c->started_mono_ns) / NS_PER_MS;
    bool steady = lived_ms >= STEADY_MS && lived_ms >= STEADY_TIMES * c->backoff_ms;
    c->backoff_ms = steady || c->backoff_ms == 0 ? BACKOFF_FIRST_MS : c->backoff_ms * 2;
    if (c->backoff_ms > most_ms)
        c->backoff_ms = most_ms;
    c->restart_mono_ns = now + c->backoff_ms * NS_PER_MS;
    log_event(&l->up->log, LOG_WARN, "child_restart", "name=%s in_ms=%lld", c->name,
              (long long)c->backoff_ms);
}

static void child_ended(struct loop *l, struct up_child *c, const siginfo_t *info)
{
    bool by_signal = info->si_code != CLD_EXITED;
    bool fine = !by_signal && info->si_status == 0;
    bool hello = c == &l->up->children[UP_HELLO];
    bool next = c == &l->up->children[UP_SERVER_NEXT];
    c->pid = 0;
    close_fd(&c->ready_fd);
    log_event(&l->up->log, fine || stopping(l) || hello ? LOG_INFO : LOG_ERROR, "child_ended",
              "name=%s %s=%d%s", c->name, by_signal ? "signal" : "exit_code", info->si_status,
              by_signal && !stopping(l) ? log_mend_of(info->si_status) : "");
    if (stopping(l) || hello)
        return;
    if (next) {
        up_next_ended(l, fine);
        return;
    }
    if (c == &l->up->children[UP_CHECK]) {
        up_reload_checked(l, fine);
        return;
    }
    up_reload_lost(l, c);
    if (l->phase == SERVING) {
        plan_restart(l, c, by_signal && info->si_status == SIGKILL);
        return;
    }
    fprintf(stderr,
            "minos up: %s could not start (it ended with %s %d); what it says above is the "
            "reason\n",
            c->name, by_signal ? "signal" : "status", info->si_status);
    begin_stop(l, CLI_SERVICE);
}

static struct up_child *child_of(struct loop *l, pid_t pid)
{
    for (size_t i = 0; i < UP_ROLE_COUNT; i++)
        if (l->up->children[i].pid == pid)
            return &l->up->children[i];
    return NULL;
}

static void reap(struct loop *l)
{
    siginfo_t info;
    for (;;) {
        info.si_pid = 0;
        if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0 || info.si_pid == 0)
            return;
        struct up_child *c = child_of(l, info.si_pid);
        if (c != NULL && c->ready_fd >= 0) {
            hear(l, c); /* its last words, which may give it another place */
            c = child_of(l, info.si_pid);
        }
        /* A child's own children must not outlive it: a slot without its supervisor would go on.
         * Only the keepers of minos-box may, since they end with their connections. */
        if (c != NULL && c != &l->up->children[UP_BOX])
            up_kill_session(c);
        if (waitid(P_PID, (id_t)info.si_pid, &info, WEXITED | WNOHANG) < 0)
            return;
        if (c != NULL)
            child_ended(l, c, &info);
    }
}

static void take_signals(struct loop *l)
{
    struct signalfd_siginfo s;
    while (read(l->signal_fd, &s, sizeof s) == sizeof s) {
        if (s.ssi_signo == SIGCHLD) {
            reap(l);
        } else if (s.ssi_signo == SIGUSR2) {
            up_begin_restart(l);
        } else if (s.ssi_signo == SIGHUP && s.ssi_code != SI_KERNEL && !stopping(l)) {
            up_reload_begin(l); /* the kernel's: the terminal is gone */
        } else if (stopping(l)) {
            hurry(l);
        } else {
            log_event(&l->up->log, LOG_INFO, "stopping", "signal=%u", s.ssi_signo);
            begin_stop(l, CLI_OK); /* as asked, be it before it served */
        }
    }
}

static void restart_due(struct loop *l)
{
    for (size_t i = 0; i < UP_ROLE_COUNT; i++) {
        struct up_child *c = &l->up->children[i];
        struct err e;
        if (c->restart_mono_ns == 0 || clock_mono_ns() < c->restart_mono_ns || stopping(l))
            continue;
        if (up_start(l, c, &e) < 0) {
            log_error(&l->up->log, "child_not_started", &e);
            plan_restart(l, c, false);
        }
    }
}

static void deadline_passed(struct loop *l)
{
    if (l->deadline_mono_ns == 0 || clock_mono_ns() < l->deadline_mono_ns)
        return;
    if (stopping(l)) {
        log_event(&l->up->log, LOG_WARN, "killing", "phase=%d again=%d", (int)l->phase, l->killed);
        if (l->killed && l->phase == STOP_REST)
            set_phase(l, OVER, 0); /* not even SIGKILL ends them: the kernel holds them */
        else
            hurry(l);
        return;
    }
    for (size_t i = 0; i < UP_SERVER_NEXT; i++)
        if (l->up->children[i].pid > 0 && !l->up->children[i].ready)
            fprintf(stderr, "minos up: %s was not ready after %d s\n", l->up->children[i].name,
                    UP_START_MS / 1000);
    begin_stop(l, CLI_SERVICE);
}

/* Milliseconds until something is due, -1 when nothing is. */
static int next_timeout_ms(const struct loop *l)
{
    int64_t due = l->deadline_mono_ns;
    for (size_t i = 0; i < UP_ROLE_COUNT && !stopping(l); i++) {
        int64_t at = l->up->children[i].restart_mono_ns;
        due = at != 0 && (due == 0 || at < due) ? at : due;
    }
    if (l->reload.waiting != 0 && (due == 0 || l->reload.deadline_mono_ns < due))
        due = l->reload.deadline_mono_ns;
    if (l->next_mono_ns != 0 && (due == 0 || l->next_mono_ns < due))
        due = l->next_mono_ns;
    int64_t left = due - clock_mono_ns();
    return due == 0 ? -1 : left <= 0 ? 0 : (int)(left / NS_PER_MS + 1);
}

static void wait_for_events(struct loop *l)
{
    struct pollfd fds[1 + UP_ROLE_COUNT + UP_CONTROL_FDS] = { { .fd = l->signal_fd,
                                                                .events = POLLIN } };
    struct pollfd *clients = fds + 1 + UP_ROLE_COUNT;
    up_control_poll(&l->control, clients);
    for (size_t i = 0; i < UP_ROLE_COUNT; i++)
        fds[1 + i] = (struct pollfd){ .fd = l->up->children[i].ready_fd, .events = POLLIN };
    if (poll(fds, ARRAY_COUNT(fds), next_timeout_ms(l)) < 0)
        return; /* EINTR; a debugger, say */
    /* Readiness first: a child may say it and end at once. */
    for (size_t i = 0; i < UP_ROLE_COUNT; i++)
        if (fds[1 + i].revents != 0)
            hear(l, &l->up->children[i]);
    if (up_control_take(&l->control, clients))
        up_reload_begin(l);
    if (fds[0].revents != 0)
        take_signals(l);
}

static int open_signals(int *ret_fd)
{
    struct sigaction ignore = { .sa_handler = SIG_IGN };
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGUSR2);
    if (sigaction(SIGPIPE, &ignore, NULL) < 0 || sigprocmask(SIG_BLOCK, &set, NULL) < 0)
        return -1;
    *ret_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return *ret_fd < 0 ? -1 : 0;
}

int up_supervise(struct up *up)
{
    struct loop l = { .up = up, .phase = START_BOX, .signal_fd = -1 };
    struct err e;
    up_control_init(&l.control);
    for (size_t i = 0; i < UP_ROLE_COUNT; i++)
        up->children[i].ready_fd = -1;
    if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0 || open_signals(&l.signal_fd) < 0) {
        fprintf(stderr, "minos up: signals: %s\n", strerror(errno));
        return CLI_SERVICE;
    }
    if (up_control_open(&l.control, up->data.run_fd, &e) < 0) {
        close(l.signal_fd);
        return cli_fail("up", &e);
    }
    set_phase(&l, START_BOX, UP_START_MS);
    start_or_end(&l, UP_BOX);
    while (l.phase != OVER) {
        enum phase before = l.phase;
        advance(&l);
        if (l.phase != before)
            continue;
        wait_for_events(&l);
        restart_due(&l);
        up_next_is_late(&l);
        up_reload_look(&l);
        deadline_passed(&l);
    }
    close(l.signal_fd);
    up_control_close(&l.control);
    up_reload_done(&l);
    return l.status;
}
