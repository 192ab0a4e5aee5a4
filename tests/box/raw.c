/* raw.c - see raw.h; runs in each test program. */
#include "tests/box/raw.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sandbox/base/cleanup.h"
#include "sandbox/base/io.h"

enum { HEAR_TIMEOUT_MS = 30000 };

void raw_start(struct raw *r, const struct kit *k)
{
    int pair[2];
    auto_free_ char *program = kit_built("../minos-box");
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    memset(r, 0, sizeof *r);
    r->sock = pair[0];
    r->pid = fork();
    if (r->pid == 0) {
        char number[16];
        snprintf(number, sizeof number, "%d", dup(pair[1])); /* without close-on-exec */
        execl(program, "minos-box", "keeper", "--fd", number, "--artifacts", k->artifacts, "--set",
              "log.level=error", "--set", "box.warm=0", (char *)NULL);
        _exit(127);
    }
    ck_assert_int_gt(r->pid, 0);
    close(pair[1]);
}

void raw_open(struct raw *r, const struct kit *k)
{
    raw_start(r, k);
    wire_put_hello(&r->out);
    ck_assert(raw_say_out(r, NULL, 0));
    ck_assert_int_eq(raw_hear(r), WIRE_GREETING);
}

bool raw_say(struct raw *r, const void *bytes, size_t len, const int *fds, size_t fd_count)
{
    if (io_send_msg(r->sock, bytes, len, fds, fd_count) == 0)
        return true;
    ck_assert_msg(errno == EPIPE || errno == ECONNRESET, "send: %s", strerror(errno));
    return false;
}

bool raw_say_out(struct raw *r, const int *fds, size_t fd_count)
{
    ck_assert(!r->out.overflow);
    return raw_say(r, r->out.data, r->out.len, fds, fd_count);
}

bool raw_say_empty(struct raw *r, enum wire_type type)
{
    wire_put_empty(&r->out, type);
    return raw_say_out(r, NULL, 0);
}

bool raw_say_run(struct raw *r, uint32_t count)
{
    wire_put_run(&r->out, count);
    return raw_say_out(r, NULL, 0);
}

int raw_hear(struct raw *r)
{
    auto_wire_ struct wire_message m = { 0 };
    enum wire_type type;
    struct err e;
    struct pollfd p = { .fd = r->sock, .events = POLLIN };
    ck_assert_int_eq(poll(&p, 1, (int)kit_slow(HEAR_TIMEOUT_MS)), 1);
    if (wire_recv(r->sock, r->in, &m, &e) < 0) {
        ck_assert_msg(e.errnum == ECONNRESET, "%s", e.msg); /* it left with words of ours unread */
        return RAW_END;
    }
    if (m.len == 0)
        return RAW_END;
    ck_assert_int_eq(wire_message_type(&m, &type, &e), 0);
    if (type == WIRE_ERROR || type == WIRE_REFUSAL)
        ck_assert_int_eq(wire_read_err(&m, type, &r->told, &e), 0);
    return (int)type;
}

bool raw_serves(struct raw *r)
{
    return raw_say_empty(r, WIRE_RELEASE) && raw_hear(r) == WIRE_RELEASED;
}

void raw_close(struct raw *r)
{
    int status;
    auto_fd_ int pidfd = pidfd_open(r->pid, 0);
    struct pollfd p = { .fd = pidfd, .events = POLLIN };
    close_fd(&r->sock);
    ck_assert_int_eq(poll(&p, 1, (int)kit_slow(HEAR_TIMEOUT_MS)), 1);
    ck_assert_int_eq(waitpid(r->pid, &status, 0), r->pid);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) <= 1, "the keeper: status %x", status);
    ck_assert_uint_eq(kit_groups(r->pid), 0);
}

void raw_put_command(struct raw *r, uint32_t index, const char *verb, const char *arg,
                     unsigned flags)
{
    const char *const argv[] = { "/box/inside", verb, arg, NULL };
    static const char *const env[] = { "PATH=/bin", "A=", NULL };
    struct box_command c = { .image = "host",
                             .artifact = KIT_INSIDE,
                             .argv = argv,
                             .env = env,
                             .limits = limits_run_defaults(),
                             .stdin_fd = -1 };
    c.limits.memory_bytes = 32 << 20;
    c.limits.file_bytes = 16 << 20;
    wire_put_command(&r->out, index, &c, flags);
}

static void neighbour_works(struct scene *s)
{
    struct box_outcome o = shot_at(&s->neighbour, "exit", "7");
    check_exit(&o, 7);
}

struct scene *scene_open(void)
{
    struct scene *s = xcalloc(1, sizeof *s);
    static const char *const set[] = { "box.warm=0", NULL };
    kit_open(&s->neighbour, set);
    neighbour_works(s);
    s->mount_count = kit_lines(getpid(), "mountinfo");
    return s;
}

void scene_check(struct scene *s)
{
    neighbour_works(s);
    ck_assert_uint_eq(kit_lines(getpid(), "mountinfo"), s->mount_count);
}

void scene_close(struct scene *s)
{
    scene_check(s);
    kit_close(&s->neighbour);
    free(s);
}

void scene_check_refused(struct scene *s, const char *what)
{
    int type = raw_hear(&s->raw);
    ck_assert_msg(type == WIRE_ERROR || type == RAW_END, "%s: %s", what, wire_type_name(type));
    if (type == WIRE_ERROR)
        ck_assert_msg(s->raw.told.kind == ERR_INPUT && s->raw.told.msg[0] != '\0', "%s: %s", what,
                      s->raw.told.msg);
    if (type == WIRE_ERROR && raw_serves(&s->raw))
        return;
    raw_close(&s->raw);
    raw_open(&s->raw, &s->neighbour);
}
