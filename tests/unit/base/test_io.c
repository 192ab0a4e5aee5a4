/* test_io.c - whole reads and writes, sealed memory files, descriptors over sockets; one process.
 */
#include "sandbox/base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sandbox/base/cleanup.h"
#include "tests/unit/base/unit.h"

START_TEST(what_is_written_to_a_pipe_is_read_whole)
{
    enum { LEN = 1 << 20 };
    int p[2];
    ck_assert_int_eq(pipe2(p, O_CLOEXEC), 0);
    char *out = xmalloc(LEN), *in = xcalloc(1, LEN);
    memset(out, 'q', LEN);
    pid_t child = fork();
    if (child == 0) {
        close(p[0]);
        _exit(io_write_all(p[1], out, LEN) == 0 ? 0 : 1);
    }
    close(p[1]);
    ck_assert_int_eq(io_read_full(p[0], in, LEN), LEN);
    ck_assert_int_eq(memcmp(in, out, LEN), 0);
    ck_assert_int_eq(io_read_full(p[0], in, 1), 0);
    int status;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
    close(p[0]);
    free(out);
    free(in);
}
END_TEST

START_TEST(writing_to_nobody_fails_with_epipe)
{
    int p[2];
    struct sigaction ignore = { .sa_handler = SIG_IGN };
    sigaction(SIGPIPE, &ignore, NULL);
    ck_assert_int_eq(pipe2(p, O_CLOEXEC), 0);
    close(p[0]);
    ck_assert_int_eq(io_write_all(p[1], "x", 1), -1);
    ck_assert_int_eq(errno, EPIPE);
    ck_assert_int_eq(io_write_all(p[1], "x", 0), 0);
    close(p[1]);
    char c;
    ck_assert_int_eq(io_read_full(-1, &c, 1), -1);
    ck_assert_int_eq(errno, EBADF);
}
END_TEST

START_TEST(a_file_is_read_up_to_its_bound)
{
    char path[] = "/tmp/minos-io-XXXXXX";
    auto_fd_ int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(io_write_all(fd, "12345678", 8), 0);
    struct err e;
    auto_buf_ struct buf b;
    buf_init(&b, 0);
    ck_assert_int_eq(io_read_file(AT_FDCWD, path, 8, &b, &e), 0);
    ck_assert_str_eq(buf_text(&b), "12345678");
    buf_done(&b);
    ck_assert_int_eq(io_read_file(AT_FDCWD, path, 7, &b, &e), -1);
    ck_assert_int_eq(e.kind, ERR_INPUT);
    ck_assert_has(e.msg, path);
    ck_assert_uint_eq(b.max_bytes, 0);
    ck_assert_int_eq(io_write_file_at(AT_FDCWD, path, "abc"), 0);
    buf_done(&b);
    ck_assert_int_eq(io_read_file(AT_FDCWD, path, 8, &b, &e), 0);
    ck_assert_str_eq(buf_text(&b), "abc45678");
    unlink(path);
    ck_assert_int_eq(io_read_file(AT_FDCWD, path, 8, &b, &e), -1);
    ck_assert_int_eq(e.errnum, ENOENT);
    ck_assert_int_eq(io_write_file_at(AT_FDCWD, path, "abc"), -1);
    ck_assert_int_eq(errno, ENOENT);
    ck_assert_int_eq(io_read_file(AT_FDCWD, "/tmp", 8, &b, &e), -1);
    ck_assert_int_eq(e.errnum, EISDIR);
}
END_TEST

START_TEST(a_sealed_memfd_cannot_be_changed)
{
    auto_fd_ int fd = -1;
    struct err e;
    ck_assert_int_eq(io_sealed_memfd("t", "a\0b", 3, &fd, &e), 0);
    char got[8];
    ck_assert_int_eq(io_read_full(fd, got, sizeof got), 3);
    ck_assert_int_eq(memcmp(got, "a\0b", 3), 0);
    ck_assert_int_eq(write(fd, "x", 1), -1);
    ck_assert_int_eq(errno, EPERM);
    ck_assert_int_eq(ftruncate(fd, 0), -1);
    ck_assert_int_eq(ftruncate(fd, 9), -1);
    ck_assert_int_eq(fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE), -1);
    ck_assert_int_ne(fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
}
END_TEST

static void socket_pair(int s[2])
{
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, s), 0);
}

/* How many descriptors this process has. */
static size_t open_fd_count(void)
{
    size_t count = 0;
    for (int fd = 0; fd < 1024; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

START_TEST(messages_carry_descriptors_that_close_on_exec)
{
    int s[2], p[2], got[IO_FDS_MAX];
    char data[16];
    size_t len, fd_count;
    socket_pair(s);
    ck_assert_int_eq(pipe(p), 0);
    ck_assert_int_eq(io_send_msg(s[0], "hello", 5, p, 2), 0);
    ck_assert_int_eq(io_send_msg(s[0], "plain", 5, NULL, 0), 0);
    ck_assert_int_eq(io_recv_msg(s[1], data, sizeof data, &len, got, &fd_count), 0);
    ck_assert_uint_eq(len, 5);
    ck_assert_uint_eq(fd_count, 2);
    ck_assert_int_ne(fcntl(got[0], F_GETFD) & FD_CLOEXEC, 0);
    ck_assert_int_eq(io_write_all(got[1], "z", 1), 0);
    ck_assert_int_eq(io_read_full(p[0], data, 1), 1);
    ck_assert_int_eq(data[0], 'z');
    ck_assert_int_eq(io_recv_msg(s[1], data, sizeof data, &len, got, &fd_count), 0);
    ck_assert_uint_eq(fd_count, 0);
    close(s[0]);
    ck_assert_int_eq(io_recv_msg(s[1], data, sizeof data, &len, got, &fd_count), 0);
    ck_assert_uint_eq(len, 0);
}
END_TEST

START_TEST(a_message_that_is_too_long_is_refused_and_leaks_no_descriptor)
{
    int s[2], got[IO_FDS_MAX];
    char data[4];
    size_t len, fd_count;
    socket_pair(s);
    size_t before = open_fd_count();
    ck_assert_int_eq(io_send_msg(s[0], "too long", 8, s, 2), 0);
    ck_assert_int_eq(io_recv_msg(s[1], data, sizeof data, &len, got, &fd_count), -1);
    ck_assert_int_eq(errno, EMSGSIZE);
    ck_assert_uint_eq(open_fd_count(), before);
}
END_TEST

START_TEST(too_many_descriptors_are_refused_on_both_sides)
{
    int s[2], many[IO_FDS_MAX + 1], got[IO_FDS_MAX];
    char data[4];
    size_t len, fd_count;
    socket_pair(s);
    for (size_t i = 0; i < ARRAY_COUNT(many); i++)
        many[i] = s[0];
    ck_assert_int_eq(io_send_msg(s[0], "x", 1, many, IO_FDS_MAX + 1), -1);
    ck_assert_int_eq(errno, EMSGSIZE);
    size_t before = open_fd_count();
    ck_assert_int_eq(io_send_msg(s[0], "x", 1, many, IO_FDS_MAX), 0);
    ck_assert_int_eq(io_recv_msg(s[1], data, sizeof data, &len, got, &fd_count), 0);
    ck_assert_uint_eq(fd_count, IO_FDS_MAX);
    ck_assert_uint_eq(open_fd_count(), before + IO_FDS_MAX);
}
END_TEST

/* The kernel drops those for which the receiver has no room, and says so. */
START_TEST(descriptors_that_find_no_room_are_an_error_and_leave_none_behind)
{
    int s[2], many[IO_FDS_MAX], got[IO_FDS_MAX];
    char data[4];
    size_t len, fd_count;
    struct rlimit old, few;
    socket_pair(s);
    for (size_t i = 0; i < ARRAY_COUNT(many); i++)
        many[i] = s[0];
    size_t before = open_fd_count();
    ck_assert_int_eq(io_send_msg(s[0], "x", 1, many, IO_FDS_MAX), 0);
    ck_assert_int_eq(io_send_msg(s[0], "y", 1, many, IO_FDS_MAX), 0);
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &old), 0);
    few = (struct rlimit){ before + 40, old.rlim_max };
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
    ck_assert_int_eq(io_recv_msg(s[1], data, sizeof data, &len, got, &fd_count), -1);
    ck_assert_int_eq(errno, EMSGSIZE);
    ck_assert_uint_eq(fd_count, 0);
    ck_assert_uint_eq(open_fd_count(), before);
    ck_assert_int_eq(io_recv_msg_cut(s[1], data, sizeof data, &len, got, &fd_count), -1);
    ck_assert_int_eq(errno, EMSGSIZE);
    ck_assert_uint_gt(fd_count, 20);
    ck_assert_uint_eq(open_fd_count(), before + fd_count);
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &old), 0);
}
END_TEST

START_TEST(an_empty_non_blocking_socket_says_eagain)
{
    int s[2], got[IO_FDS_MAX];
    char data[4];
    size_t len, fd_count;
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, s), 0);
    ck_assert_int_eq(io_recv_msg(s[1], data, sizeof data, &len, got, &fd_count), -1);
    ck_assert_int_eq(errno, EAGAIN);
}
END_TEST

UNIT_MAIN("io", what_is_written_to_a_pipe_is_read_whole, writing_to_nobody_fails_with_epipe,
          a_file_is_read_up_to_its_bound, a_sealed_memfd_cannot_be_changed,
          messages_carry_descriptors_that_close_on_exec,
          a_message_that_is_too_long_is_refused_and_leaks_no_descriptor,
          too_many_descriptors_are_refused_on_both_sides,
          descriptors_that_find_no_room_are_an_error_and_leave_none_behind,
          an_empty_non_blocking_socket_says_eagain)
