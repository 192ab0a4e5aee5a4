/*
 * box.c - the client's side of a keeper: opening one, talking to it, collecting files (box_run.c
 * runs commands); runs in the worker's slots and in `minos-box run`.
 */
#include "sandbox/box.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "sandbox/base/cleanup.h"
#include "sandbox/base/clock.h"
#include "sandbox/box_private.h"

enum {
    KEEPER_FD = 3,             /* where a keeper of our own finds its socket */
    ANSWER_TIMEOUT_MS = 60000, /* a keeper that owes an answer for so long is taken for dead */
    END_TIMEOUT_MS = 10000,    /* to remove its cells after we closed */
};

const char *box_cause_name(enum box_cause cause)
{
    switch (cause) {
#define X(id, name, help)                                                                          \
    case BOX_CAUSE_##id:                                                                           \
        return name;
        BOX_CAUSES(X)
#undef X
    }
    return "unknown";
}

/* --- talking to the keeper -------------------------------------------------------------------- */

/* The keeper is gone or makes no sense: say why as well as can be known, and never use it again. */
int box_broken(struct box *b, struct err *e)
{
    close_fd(&b->sock);
    if (e->kind == ERR_INPUT) /* its message was malformed: that is no fault of our asker */
        e->kind = ERR_SYS;
    return err_wrap(e, "keeper");
}

/* Whether our child has ended, within END_TIMEOUT_MS; it stays to be waited for. */
static bool keeper_ended(pid_t pid)
{
    auto_fd_ int pidfd = pidfd_open(pid, 0);
    struct pollfd p = { .fd = pidfd, .events = POLLIN };
    int64_t deadline_mono_ns = clock_mono_ns() + END_TIMEOUT_MS * NS_PER_MS;
    int n;
    if (pidfd < 0)
        return false;
    do
        n = poll(&p, 1, END_TIMEOUT_MS);
    while (n < 0 && errno == EINTR && clock_mono_ns() < deadline_mono_ns);
    return n > 0;
}

/* The keeper closed the socket: how our own one ended. */
static int err_ended(struct box *b, struct err *e)
{
    siginfo_t info = { 0 };
    b->silent = true;
    if (b->keeper_pid > 0 && keeper_ended(b->keeper_pid) &&
        waitid(P_PID, (id_t)b->keeper_pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0)
        return err_set(e, ERR_SYS, 0, "ended with %s %d",
                       info.si_code == CLD_EXITED ? "exit status" : "signal", info.si_status);
    return err_set(e, ERR_SYS, 0, "closed the connection");
}

/* Wait for the next message until the deadline. */
int box_await(struct box *b, int64_t deadline_mono_ns, struct wire_message *ret, struct err *e)
{
    struct pollfd p = { .fd = b->sock, .events = POLLIN };
    for (;;) {
        int64_t left_ms = (deadline_mono_ns - clock_mono_ns()) / NS_PER_MS;
        int n = poll(&p, 1, left_ms > 0 ? (int)(left_ms < INT_MAX ? left_ms : INT_MAX) : 0);
        if (n > 0)
            break;
        if (n < 0 && errno != EINTR)
            return err_sys(e, "poll");
        if (n == 0 && left_ms <= 0)
            return err_set(e, ERR_SYS, ETIMEDOUT, "no answer");
    }
    /* Who closes without having read all that we sent resets the connection, which we are told
     * before what he had to say, once (unix(7)). */
    if (wire_recv(b->sock, b->in, ret, e) < 0 &&
        (e->errnum != ECONNRESET || wire_recv(b->sock, b->in, ret, e) < 0))
        return -1;
    return ret->len == 0 ? err_ended(b, e) : 0;
}

bool box_keeper_died(const struct box *b)
{
    return b->silent;
}

int box_fd(const struct box *b)
{
    return b->sock;
}

int box_check(struct box *b, struct err *e)
{
    struct pollfd p = { .fd = b->sock, .events = POLLIN };
    auto_wire_ struct wire_message m = { 0 };
    if (box_usable(b, e) < 0)
        return -1;
    if (poll(&p, 1, 0) <= 0) /* an idle keeper says nothing */
        return 0;
    if (box_await(b, clock_mono_ns(), &m, e) < 0)
        return box_broken(b, e);
    if (m.data[0] == WIRE_REFUSAL || m.data[0] == WIRE_ERROR)
        return box_take_error(b, &m, (enum wire_type)m.data[0], e);
    return box_unexpected(b, &m, e);
}

int64_t box_answer_deadline_mono_ns(void)
{
    return clock_mono_ns() + ANSWER_TIMEOUT_MS * NS_PER_MS;
}

/* Take an ERROR or REFUSAL for the answer of this call. */
int box_take_error(struct box *b, const struct wire_message *m, enum wire_type type, struct err *e)
{
    struct err theirs;
    if (wire_read_err(m, type, &theirs, e) < 0)
        return box_broken(b, e);
    *e = theirs;
    if (type == WIRE_REFUSAL || e->kind == ERR_SYS || e->kind == ERR_BUG) {
        e->kind = ERR_SYS;
        return box_broken(b, e);
    }
    return -1;
}

int box_unexpected(struct box *b, const struct wire_message *m, struct err *e)
{
    err_set(e, ERR_SYS, 0, "unexpected message %s", wire_type_name(m->data[0]));
    return box_broken(b, e);
}

/* Who closed on us may have said why before; else tell how it ended. */
static void last_words(struct box *b, struct err *e)
{
    struct err why, ignored;
    auto_wire_ struct wire_message m = { 0 };
    if (box_await(b, clock_mono_ns(), &m, &why) < 0 ||
        ((m.data[0] == WIRE_ERROR || m.data[0] == WIRE_REFUSAL) &&
         wire_read_err(&m, (enum wire_type)m.data[0], &why, &ignored) == 0))
        *e = why;
}

int box_say(struct box *b, const int *fds, size_t fd_count, struct err *e)
{
    if (wire_send(b->sock, &b->out, fds, fd_count, e) == 0)
        return 0;
    if (e->errnum == EPIPE || e->errnum == ECONNRESET)
        last_words(b, e);
    return box_broken(b, e);
}

int box_usable(const struct box *b, struct err *e)
{
    return b->sock >= 0 ? 0 : err_set(e, ERR_SYS, 0, "keeper: gone since an earlier failure");
}

/* --- opening and closing ---------------------------------------------------------------------- */

/* The keeper gets its socket as descriptor 3, standard error for its log, and nothing else of ours:
 * no other descriptor, no blocked signal, a process group of its own (Ctrl-C is for us; it sees us
 * go). */
static int spawn_keeper(const char *program, char *const *argv, int sock, pid_t *ret_pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attr;
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    if (posix_spawn_file_actions_init(&actions) != 0 || posix_spawnattr_init(&attr) != 0)
        return ENOMEM;
    int r = posix_spawn_file_actions_adddup2(&actions, sock, KEEPER_FD);
    if (r == 0)
        r = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    if (r == 0)
        r = posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
    if (r == 0)
        r = posix_spawn_file_actions_addclosefrom_np(&actions, KEEPER_FD + 1);
    posix_spawnattr_setsigmask(&attr, &none);
    posix_spawnattr_setsigdefault(&attr, &all);
    posix_spawnattr_setpgroup(&attr, 0);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
                                        POSIX_SPAWN_SETPGROUP);
    if (r == 0)
        r = posix_spawn(ret_pid, program, &actions, &attr, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attr);
    return r;
}

static int start_keeper(struct box *b, const struct box_options *opt, struct err *e)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        return err_sys(e, "socketpair");
    b->sock = pair[0];
    auto_fd_ int theirs = pair[1];
    size_t count = 0;
    while (opt->args != NULL && opt->args[count] != NULL)
        count++;
    auto_free_ const char **argv = xcalloc(count + 5, sizeof *argv);
    argv[0] = opt->program;
    argv[1] = "keeper";
    argv[2] = "--fd";
    argv[3] = "3";
    for (size_t i = 0; i < count; i++)
        argv[4 + i] = opt->args[i];
    int r = spawn_keeper(opt->program, (char *const *)(uintptr_t)argv, theirs, &b->keeper_pid);
    if (r != 0) {
        b->keeper_pid = 0;
        return err_set(e, ERR_SYS, r, "start %s", opt->program);
    }
    return 0;
}

static int connect_keeper(struct box *b, const char *path, struct err *e)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    if (strlen(path) >= sizeof addr.sun_path)
        return err_input(e, "%s: longer than a socket's path may be (%zu bytes)", path,
                         sizeof addr.sun_path - 1);
    memcpy(addr.sun_path, path, strlen(path) + 1);
    b->sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (b->sock < 0)
        return err_sys(e, "socket");
    while (connect(b->sock, (const struct sockaddr *)&addr, sizeof addr) < 0) {
        if (errno != EINTR)
            return err_sys(e, "connect to %s", path);
    }
    return 0;
}

static int greet(struct box *b, int64_t timeout_ms, struct err *e)
{
    wire_put_hello(&b->out);
    if (box_say(b, NULL, 0, e) < 0)
        return -1;
    auto_wire_ struct wire_message m = { 0 };
    uint32_t version;
    if (box_await(b, clock_mono_ns() + timeout_ms * NS_PER_MS, &m, e) < 0)
        return box_broken(b, e);
    if (m.data[0] == WIRE_REFUSAL || m.data[0] == WIRE_ERROR)
        return box_take_error(b, &m, (enum wire_type)m.data[0], e);
    if (wire_read_greeting(&m, &version, &b->proof, e) < 0)
        return box_broken(b, e);
    if (version != WIRE_VERSION) {
        err_set(e, ERR_SYS, 0, "speaks version %u, expected %d", version, WIRE_VERSION);
        return box_broken(b, e);
    }
    return 0;
}

int box_open(const struct box_options *opt, struct box **ret, struct err *e)
{
    struct box *b = xcalloc(1, sizeof *b);
    b->sock = -1;
    b->next = (struct box_next){ .output_fds = { -1, -1 } };
    int r = opt->program != NULL ? start_keeper(b, opt, e) : connect_keeper(b, opt->socket_path, e);
    if (r < 0 || greet(b, opt->timeout_ms, e) < 0) {
        box_close(b);
        return -1;
    }
    *ret = b;
    return 0;
}

/* Our own keeper ends by itself when the socket closes; one that hangs is killed, and what it
 * leaves is removed by the next. */
static void reap_keeper(pid_t pid)
{
    if (!keeper_ended(pid))
        kill(pid, SIGKILL);
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
}

void box_close(struct box *b)
{
    if (b == NULL)
        return;
    box_drop_next(b);
    close_fd(&b->sock);
    if (b->keeper_pid > 0)
        reap_keeper(b->keeper_pid);
    free(b);
}

const struct box_proof *box_proof(const struct box *b)
{
    return &b->proof;
}

/* --- files ------------------------------------------------------------------------------------ */

struct collection {
    struct box_collected *files;
    size_t count;
    int64_t left_bytes;
    bool (*keep)(void *ctx, const char *name);
    void *ctx;
};

/* What is too much is remembered, not returned: the messages that follow must be read first. */
static int take_file(struct box *b, struct wire_message *m, struct collection *c, struct err *e)
{
    struct wire_file f;
    if (wire_read_file(m, &f, e) < 0)
        return box_broken(b, e);
    if (c->left_bytes < 0 || (c->keep != NULL && !c->keep(c->ctx, f.name)))
        return 0;
    c->left_bytes = f.bytes <= c->left_bytes ? c->left_bytes - f.bytes : -1;
    if (c->count == BOX_COLLECT_FILES_MAX) {
        err_set(e, ERR_SYS, 0, "more than %d files", BOX_COLLECT_FILES_MAX);
        return box_broken(b, e);
    }
    c->files[c->count++] = (struct box_collected){ .name = xstrdup(f.name),
                                                   .fd = wire_take_fd(m, 0),
                                                   .bytes = f.bytes,
                                                   .executable = f.executable };
    return 0;
}

/* Take messages up to FILES_END. */
static int take_files(struct box *b, struct collection *c, size_t *ret_refused, struct err *e)
{
    for (;;) {
        auto_wire_ struct wire_message m = { 0 };
        uint32_t refused;
        if (box_await(b, box_answer_deadline_mono_ns(), &m, e) < 0)
            return box_broken(b, e);
        if (m.data[0] == WIRE_ERROR)
            return box_take_error(b, &m, WIRE_ERROR, e);
        if (m.data[0] == WIRE_FILES_END) {
            if (wire_read_files_end(&m, &refused, e) < 0)
                return box_broken(b, e);
            *ret_refused = refused;
            return 0;
        }
        if (m.data[0] != WIRE_FILE)
            return box_unexpected(b, &m, e);
        if (take_file(b, &m, c, e) < 0)
            return -1;
    }
}

int box_collect(struct box *b, int64_t max_bytes, bool (*keep)(void *ctx, const char *name),
                void *ctx, struct box_collected **ret, size_t *ret_count, size_t *ret_refused,
                struct err *e)
{
    struct collection c = { .left_bytes = max_bytes, .keep = keep, .ctx = ctx };
    if (box_usable(b, e) < 0)
        return -1;
    /* With a filter only what passes counts, and the keeper does not know the filter. */
    wire_put_collect(&b->out, keep != NULL ? INT64_MAX : max_bytes);
    if (box_say(b, NULL, 0, e) < 0)
        return -1;
    c.files = xcalloc(BOX_COLLECT_FILES_MAX, sizeof *c.files);
    int r = take_files(b, &c, ret_refused, e);
    if (r == 0 && c.left_bytes < 0)
        r = err_input(e, "the files are larger than %lld bytes together", (long long)max_bytes);
    if (r < 0) {
        box_collected_free(c.files, c.count);
        return -1;
    }
    *ret = c.files;
    *ret_count = c.count;
    return 0;
}

void box_collected_free(struct box_collected *files, size_t count)
{
    for (size_t i = 0; files != NULL && i < count; i++) {
        free(files[i].name);
        close_fd(&files[i].fd);
    }
    free(files);
}

int box_release(struct box *b, struct err *e)
{
    if (box_usable(b, e) < 0)
        return -1;
    wire_put_empty(&b->out, WIRE_RELEASE);
    auto_wire_ struct wire_message m = { 0 };
    if (box_say(b, NULL, 0, e) < 0)
        return -1;
    if (box_await(b, box_answer_deadline_mono_ns(), &m, e) < 0)
        return box_broken(b, e);
    if (m.data[0] == WIRE_ERROR)
        return box_take_error(b, &m, WIRE_ERROR, e);
    if (m.data[0] != WIRE_RELEASED)
        return box_unexpected(b, &m, e);
    return wire_read_empty(&m, WIRE_RELEASED, e) < 0 ? box_broken(b, e) : 0;
}
