/* test_guard.c - what a guarded program can no longer do; each check in a child that enters the
 * guard for good. */
#include "tests/unit/base/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sandbox/base/guard.h"

#ifndef MINOS_UNGUARDED

enum { GOOD = 0, BAD = 1, NO_LANDLOCK = 2 };

/* Run `body` in a guarded child; the wait status. `dir` may be written. */
static int guarded(enum guard_role role, const char *dir, int (*body)(const char *dir))
{
    pid_t pid = fork();
    if (pid == 0) {
        const struct guard_path paths[] = { { dir, true }, { "/usr", false } };
        struct guard_seen seen;
        struct err e;
        if (guard_enter(role, paths, 2, &seen, &e) != 0)
            _exit(99);
        int r = body(dir);
        _exit(r == BAD && seen.landlock_abi == 0 ? NO_LANDLOCK : r);
    }
    int status = -1;
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    return status;
}

static int use_own_folder(const char *dir)
{
    char path[256];
    snprintf(path, sizeof path, "%s/x", dir);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    return fd >= 0 && write(fd, "x", 1) == 1 && unlink(path) == 0 ? GOOD : BAD;
}

static int open_elsewhere(const char *dir)
{
    (void)dir;
    return open("/etc/passwd", O_RDONLY | O_CLOEXEC) < 0 && errno == EACCES ? GOOD : BAD;
}

static int write_read_only(const char *dir)
{
    (void)dir;
    return open("/usr/minos-guard", O_WRONLY | O_CREAT | O_CLOEXEC, 0600) < 0 ? GOOD : BAD;
}

static int connect_out(const char *dir)
{
    (void)dir;
    struct sockaddr_in sa = { .sin_family = AF_INET, .sin_port = htons(9) };
    sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return connect(fd, (struct sockaddr *)&sa, sizeof sa) < 0 && errno == EACCES ? GOOD : BAD;
}

static int mount_something(const char *dir)
{
    return mount("x", dir, "tmpfs", 0, NULL) < 0 ? GOOD : BAD;
}

static int run_program(const char *dir)
{
    (void)dir;
    execl("/usr/bin/true", "true", (char *)NULL);
    return BAD;
}

static int call_unlisted(const char *dir)
{
    (void)dir;
    return syscall(SYS_acct, NULL) < 0 && errno == ENOSYS ? GOOD : BAD;
}

static int make_process(const char *dir)
{
    (void)dir;
    pid_t pid = fork();
    if (pid == 0)
        _exit(0);
    return pid < 0 && errno == ENOSYS ? GOOD : BAD;
}

static void check_good(enum guard_role role, int (*body)(const char *dir))
{
    char dir[] = "/tmp/minos-guard-XXXXXX";
    ck_assert_ptr_nonnull(mkdtemp(dir));
    int status = guarded(role, dir, body);
    ck_assert_int_eq(rmdir(dir), 0);
    ck_assert_msg(WIFEXITED(status), "killed by signal %d", WTERMSIG(status));
    ck_assert_msg(WEXITSTATUS(status) == GOOD || WEXITSTATUS(status) == NO_LANDLOCK,
                  "exit status %d", WEXITSTATUS(status));
}

static void check_killed(enum guard_role role, int (*body)(const char *dir))
{
    char dir[] = "/tmp/minos-guard-XXXXXX";
    ck_assert_ptr_nonnull(mkdtemp(dir));
    int status = guarded(role, dir, body);
    ck_assert_int_eq(rmdir(dir), 0);
    ck_assert(WIFSIGNALED(status));
    ck_assert_int_eq(WTERMSIG(status), SIGSYS);
}

START_TEST(the_folder_that_was_named_can_be_used)
{
    check_good(GUARD_SERVER, use_own_folder);
    check_good(GUARD_SLOT, use_own_folder);
    check_good(GUARD_COURIER, use_own_folder);
}
END_TEST

START_TEST(every_other_path_is_closed)
{
    check_good(GUARD_SERVER, open_elsewhere);
    check_good(GUARD_COURIER, open_elsewhere);
    check_good(GUARD_RUNNER, open_elsewhere);
    check_good(GUARD_SLOT, write_read_only);
}
END_TEST

START_TEST(no_connection_goes_out)
{
    check_good(GUARD_SERVER, connect_out);
    check_good(GUARD_COURIER, connect_out);
    int status = guarded(GUARD_RUNNER, "/tmp", connect_out); /* but the runner's may try */
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) != GOOD);
}
END_TEST

START_TEST(an_unlisted_call_is_unknown)
{
    check_good(GUARD_SERVER, call_unlisted);
}
END_TEST

START_TEST(neither_server_nor_slot_makes_a_process)
{
    check_good(GUARD_SLOT, make_process);
    check_good(GUARD_COURIER, make_process);
    check_good(GUARD_RUNNER, make_process);
    int status = guarded(GUARD_SERVER, "/tmp", make_process);
    ck_assert(WIFEXITED(status));
    ck_assert_int_eq(WEXITSTATUS(status), GOOD);
}
END_TEST

START_TEST(another_program_or_a_mount_ends_it)
{
    check_killed(GUARD_SERVER, run_program);
    check_killed(GUARD_SLOT, run_program);
    check_killed(GUARD_COURIER, run_program);
    check_killed(GUARD_RUNNER, run_program);
    check_killed(GUARD_SUPERVISOR, mount_something);
}
END_TEST

UNIT_MAIN("guard", the_folder_that_was_named_can_be_used, every_other_path_is_closed,
          no_connection_goes_out, an_unlisted_call_is_unknown,
          neither_server_nor_slot_makes_a_process, another_program_or_a_mount_ends_it)

#else

START_TEST(builds_with_a_sanitizer_drop_capabilities_only)
{
    pid_t pid = fork();
    if (pid == 0) {
        struct guard_seen seen;
        struct err e;
        _exit(guard_enter(GUARD_SERVER, NULL, 0, &seen, &e) != 0 || seen.syscall_count != 0);
    }
    int status = -1;
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_int_eq(status, 0);
}
END_TEST

UNIT_MAIN("guard", builds_with_a_sanitizer_drop_capabilities_only)

#endif
