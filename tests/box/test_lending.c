/*
 * test_lending.c - a worker that was taken over lends descriptors of every kind and number to a
 * real keeper, and goes at every step. test_client.c has its words.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "sandbox/base/cleanup.h"
#include "tests/box/kit.h"
#include "tests/box/raw.h"

/* --- descriptors of every kind ---------------------------------------------------------------- */

static int open_secret(void)
{
    int fd = (int)syscall(SYS_memfd_secret, 0);
    if (fd >= 0)
        ck_assert_int_eq(ftruncate(fd, 4096), 0);
    return fd;
}

static int open_huge(void)
{
    int fd = memfd_create("huge", MFD_CLOEXEC);
    ck_assert_int_eq(ftruncate(fd, (off_t)1 << 42), 0);
    return fd;
}

static int open_socket(void)
{
    return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

static int open_pipe_end(void)
{
    int p[2];
    ck_assert_int_eq(pipe2(p, O_CLOEXEC), 0);
    close(p[1]);
    return p[0];
}

static int open_signals(void)
{
    sigset_t none;
    sigemptyset(&none);
    return signalfd(-1, &none, SFD_CLOEXEC);
}

struct kind {
    const char *name;
    int (*make)(void);
    const char *path;
    int flags;
    bool stream; /* good as a standard stream; none is good as a file to be placed */
};

static int open_epoll(void)
{
    return epoll_create1(EPOLL_CLOEXEC);
}
static int open_event(void)
{
    return eventfd(0, EFD_CLOEXEC);
}
static int open_timer(void)
{
    return timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
}
static int open_watch(void)
{
    return inotify_init1(IN_CLOEXEC);
}
static int open_process(void)
{
    return pidfd_open(getpid(), 0);
}

static const struct kind kinds[] = {
    { "a directory", NULL, "/", O_RDONLY | O_DIRECTORY, false },
    { "a handle of a directory", NULL, "/", O_PATH, false },
    { "a handle of a file", NULL, "/etc/passwd", O_PATH, false },
    { "a mount namespace", NULL, "/proc/self/ns/mnt", O_RDONLY, false },
    { "a user namespace", NULL, "/proc/self/ns/user", O_RDONLY, false },
    { "a directory of /proc", NULL, "/proc/self", O_RDONLY, false },
    { "a file to be written", NULL, "/dev/shm/minos-test-written", O_WRONLY | O_CREAT, true },
    { "a character device", NULL, "/dev/zero", O_RDWR, true },
    { "an endless memfd", open_huge, NULL, 0, true },
    { "secret memory", open_secret, NULL, 0, true },
    { "a socket", open_socket, NULL, 0, false },
    { "an end of a pipe", open_pipe_end, NULL, 0, true },
    { "signals", open_signals, NULL, 0, false },
    { "an epoll", open_epoll, NULL, 0, false },
    { "an eventfd", open_event, NULL, 0, false },
    { "a timer", open_timer, NULL, 0, false },
    { "watches", open_watch, NULL, 0, false },
    { "a process", open_process, NULL, 0, false },
};

static int open_kind(const struct kind *k)
{
    if (k->make != NULL)
        return k->make();
    return open(k->path, k->flags | O_CLOEXEC, 0600);
}

static void try_stream(struct scene *s, const struct kind *k, int fd, unsigned which)
{
    raw_put_command(&s->raw, 0, "exit", "0", which);
    ck_assert(raw_say_out(&s->raw, &fd, 1) && raw_say_run(&s->raw, 1));
    if (!k->stream) {
        scene_check_refused(s, k->name);
        return;
    }
    ck_assert_msg(raw_hear(&s->raw) == WIRE_OUTCOME, "%s: %s", k->name, s->raw.told.msg);
}

static void try_file(struct scene *s, const struct kind *k, int fd)
{
    const struct box_file file = { "x", fd, false };
    raw_put_command(&s->raw, 0, "exit", "0", WIRE_FILES);
    ck_assert(raw_say_out(&s->raw, NULL, 0));
    wire_put_place(&s->raw.out, 0, &file, 1);
    ck_assert(raw_say_out(&s->raw, &fd, 1) && raw_say_run(&s->raw, 1));
    scene_check_refused(s, k->name);
}

START_TEST(descriptors_of_every_kind_are_taken_for_what_they_are)
{
    struct scene *s = scene_open();
    raw_open(&s->raw, &s->neighbour);
    for (size_t i = 0; i < ARRAY_COUNT(kinds); i++) {
        auto_fd_ int fd = open_kind(&kinds[i]);
        if (fd < 0 && (errno == ENOSYS || errno == EINVAL))
            continue; /* not in this kernel */
        ck_assert_msg(fd >= 0, "%s: %s", kinds[i].name, strerror(errno));
        try_stream(s, &kinds[i], fd, WIRE_STDIN);
        try_stream(s, &kinds[i], fd, WIRE_STDOUT);
        try_file(s, &kinds[i], fd);
    }
    (void)unlink("/dev/shm/minos-test-written");
    raw_close(&s->raw);
    scene_close(s);
}
END_TEST

/* The most that a kernel lets pass beside one message, more than wire.h allows. */
static void say_with_many(struct raw *r, const void *bytes, size_t len, int fd, size_t count)
{
    union {
        char bytes[CMSG_SPACE(sizeof(int) * IO_FDS_MAX)];
        struct cmsghdr align;
    } control = { 0 };
    struct iovec iov = { .iov_base = (void *)(uintptr_t)bytes, .iov_len = len };
    struct msghdr msg = { .msg_iov = &iov,
                          .msg_iovlen = 1,
                          .msg_control = control.bytes,
                          .msg_controllen = CMSG_SPACE(sizeof(int) * count) };
    struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
    assert(c != NULL);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof(int) * count);
    for (size_t i = 0; i < count; i++)
        memcpy(CMSG_DATA(c) + i * sizeof fd, &fd, sizeof fd);
    ck_assert_int_ge(sendmsg(r->sock, &msg, MSG_NOSIGNAL), 0);
}

START_TEST(more_descriptors_than_promised_are_closed_and_refused)
{
    static const size_t counts[] = { 1, 3, 4, 64, 65, IO_FDS_MAX };
    struct scene *s = scene_open();
    auto_fd_ int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    raw_open(&s->raw, &s->neighbour);
    for (size_t i = 0; i < ARRAY_COUNT(counts); i++) {
        raw_put_command(&s->raw, 0, "exit", "0", WIRE_STDIN | WIRE_STDOUT);
        say_with_many(&s->raw, s->raw.out.data, s->raw.out.len, null, counts[i]);
        (void)raw_say_run(&s->raw, 1);
        scene_check_refused(s, "too many descriptors");
        size_t open_count = kit_entries(s->raw.pid, "fd");
        uint8_t stop[] = { WIRE_STOP, BOX_CAUSE_CANCEL, 1 };
        say_with_many(&s->raw, stop, sizeof stop, null, counts[i]);
        (void)raw_hear(&s->raw);
        raw_close(&s->raw);
        raw_open(&s->raw, &s->neighbour);
        ck_assert_uint_le(kit_entries(s->raw.pid, "fd"), open_count + 1);
    }
    raw_close(&s->raw);
    scene_close(s);
}
END_TEST

/* --- the end at every step -------------------------------------------------------------------- */

enum {
    SAY_HELLO,
    HEAR_GREETING,
    SAY_COMMAND,
    SAY_PLACE,
    SAY_RUN,
    HEAR_OUTCOME,
    SAY_COLLECT,
    HEAR_FILE,
    STEP_COUNT
};

static void take_step(struct scene *s, int step, int fd)
{
    const struct box_file file = { "x", fd, false };
    struct raw *r = &s->raw;
    switch (step) {
    case SAY_HELLO:
        wire_put_hello(&r->out);
        ck_assert(raw_say_out(r, NULL, 0));
        break;
    case HEAR_GREETING:
        ck_assert_int_eq(raw_hear(r), WIRE_GREETING);
        break;
    case SAY_COMMAND:
        raw_put_command(r, 0, "leave", NULL, WIRE_KEEP_FILES | WIRE_FILES);
        ck_assert(raw_say_out(r, NULL, 0));
        break;
    case SAY_PLACE:
        wire_put_place(&r->out, 0, &file, 1);
        ck_assert(raw_say_out(r, &fd, 1));
        break;
    case SAY_RUN:
        ck_assert(raw_say_run(r, 1));
        break;
    case HEAR_OUTCOME:
        ck_assert_int_eq(raw_hear(r), WIRE_OUTCOME);
        break;
    case SAY_COLLECT:
        wire_put_collect(&r->out, 1 << 20);
        ck_assert(raw_say_out(r, NULL, 0));
        break;
    case HEAR_FILE:
        ck_assert_int_eq(raw_hear(r), WIRE_FILE);
        break;
    }
}

START_TEST(a_client_that_goes_at_any_step_leaves_nothing)
{
    struct scene *s = scene_open();
    auto_fd_ int fd = kit_memfd("x");
    for (int steps = 0; steps <= STEP_COUNT; steps++)
        for (int late = 0; late < 2; late++) { /* at once, and when it has begun to answer */
            raw_start(&s->raw, &s->neighbour);
            for (int step = 0; step < steps; step++)
                take_step(s, step, fd);
            if (late)
                usleep(20000);
            raw_close(&s->raw);
            scene_check(s);
        }
    scene_close(s);
}
END_TEST

static bool several_run(void *ctx)
{
    const struct raw *r = ctx;
    pid_t pids[8];
    return kit_processes(r->pid, pids, ARRAY_COUNT(pids)) > 2; /* its init among them */
}

START_TEST(a_client_that_goes_while_its_program_spins_leaves_no_process)
{
    struct scene *s = scene_open();
    raw_open(&s->raw, &s->neighbour);
    pid_t keeper = s->raw.pid, pids[8];
    raw_put_command(&s->raw, 0, "spin-in-children", "4", 0);
    ck_assert(raw_say_out(&s->raw, NULL, 0) && raw_say_run(&s->raw, 1));
    ck_assert(kit_wait(several_run, &s->raw));
    raw_close(&s->raw);
    ck_assert_uint_eq(kit_processes(keeper, pids, ARRAY_COUNT(pids)), 0);
    scene_close(s);
}
END_TEST

KIT_MAIN("box lending", descriptors_of_every_kind_are_taken_for_what_they_are,
         more_descriptors_than_promised_are_closed_and_refused,
         a_client_that_goes_at_any_step_leaves_nothing,
         a_client_that_goes_while_its_program_spins_leaves_no_process)
