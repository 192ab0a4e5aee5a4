/* test_filter.c - the system call filter: every row by simulation, the classes in real children. */
#include "sandbox/filter.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/netlink.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sandbox/base/buf.h"
#include "sandbox/base/cleanup.h"
#include "sandbox/base/io.h"
#include "tests/unit/base/unit.h"
#include "tests/unit/sandbox/filter_machine.h"

#define HIGH (UINT64_C(1) << 32)

enum { TIMEOUT_S = 120, X32_BIT = 0x40000000 };

static struct filter build(void)
{
    struct filter f;
    struct err e = { 0 };
    ck_assert_msg(filter_build(&f, &e) == 0, "%s", e.msg);
    return f;
}

/* --- by simulation --- */

static uint32_t ask(const struct filter *f, int nr, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    struct seccomp_data data = { .nr = nr, .arch = seccomp_arch_native(), .args = { a, b, c, d } };
    /* libseccomp's architecture tokens are the kernel's AUDIT_ARCH values, save for x32 */
    return simulate(f, &data);
}

struct expected {
    const char *name;
    uint32_t action;
};

START_TEST(every_row_gives_what_it_says)
{
    struct filter f = build();
    uint32_t attack = f.notifies ? SECCOMP_RET_USER_NOTIF : SECCOMP_RET_KILL_PROCESS;
    const struct expected rows[] = {
#define ALLOW(name, reason) { #name, SECCOMP_RET_ALLOW },
#define REFUSE(name, errnum, reason) { #name, SECCOMP_RET_ERRNO | (errnum) },
#define ATTACK(name, reason) { #name, attack },
#define CHECK(name, otherwise, reason)
#define WHEN(name, arg, mask, value, action, reason)
#define WHEN2(name, a, am, av, b, bm, bv, action, reason)
#define WHEN3(name, a, am, av, b, bm, bv, c, cm, cv, action, reason)
#include "sandbox/syscalls.def"
    };
    size_t known = 0;
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        int nr = seccomp_syscall_resolve_name(rows[i].name);
        ck_assert_msg(nr != __NR_SCMP_ERROR || rows[i].action != attack, "misspelt %s?",
                      rows[i].name);
        if (nr < 0)
            continue;
        known++;
        uint32_t got = ask(&f, nr, ~UINT64_C(0), ~UINT64_C(0), 7, 7);
        ck_assert_msg(got == rows[i].action, "%s: %#x, expected %#x", rows[i].name, got,
                      rows[i].action);
    }
    ck_assert_uint_gt(known, 280);
    filter_done(&f);
}
END_TEST

START_TEST(no_call_has_two_rows)
{
    static const char *const names[] = {
#undef ALLOW
#undef REFUSE
#undef ATTACK
#undef CHECK
#undef WHEN
#undef WHEN2
#undef WHEN3
#define WHEN(name, arg, mask, value, action, reason)
#define WHEN2(name, a, am, av, b, bm, bv, action, reason)
#define WHEN3(name, a, am, av, b, bm, bv, c, cm, cv, action, reason)
#define ALLOW(name, reason) #name,
#define REFUSE(name, errnum, reason) #name,
#define ATTACK(name, reason) #name,
#define CHECK(name, otherwise, reason) #name,
#include "sandbox/syscalls.def"
    };
    for (size_t i = 0; i < ARRAY_COUNT(names); i++)
        for (size_t j = i + 1; j < ARRAY_COUNT(names); j++)
            ck_assert_msg(strcmp(names[i], names[j]) != 0, "%s has two rows", names[i]);
}
END_TEST

START_TEST(numbers_that_nobody_knows_are_unknown_to_the_filter)
{
    struct filter f = build();
    uint32_t unknown = SECCOMP_RET_ERRNO | ENOSYS;
    for (int nr = 500; nr < 5000; nr++)
        ck_assert_uint_eq(ask(&f, nr, 0, 0, 0, 0), unknown);
    ck_assert_uint_eq(ask(&f, -1, 0, 0, 0, 0), unknown);
    filter_done(&f);
}
END_TEST

START_TEST(foreign_architectures_die_whatever_the_number)
{
    struct filter f = build();
    for (int nr = 0; nr < 600; nr++) {
        struct seccomp_data d = { .nr = nr, .arch = AUDIT_ARCH_PPC64LE };
        ck_assert_uint_eq(simulate(&f, &d), SECCOMP_RET_KILL_PROCESS);
#ifdef __x86_64__
        d.arch = AUDIT_ARCH_I386;
        ck_assert_uint_eq(simulate(&f, &d), SECCOMP_RET_KILL_PROCESS);
        d.arch = AUDIT_ARCH_X86_64;
        d.nr = nr | X32_BIT;
        ck_assert_uint_eq(simulate(&f, &d), SECCOMP_RET_KILL_PROCESS);
#endif
    }
    filter_done(&f);
}
END_TEST

enum { FINE = 0, ATTACKS = -1, DIES = -2 };

/* `want`: an errno, FINE or ATTACKS. */
static const struct {
    int nr;
    uint64_t a, b, c, d;
    int want;
} checks[] = {
#include "tests/unit/sandbox/filter_checks.def"
};

START_TEST(arguments_are_judged_by_their_low_halves)
{
    struct filter f = build();
    uint32_t attack = f.notifies ? SECCOMP_RET_USER_NOTIF : SECCOMP_RET_KILL_PROCESS;
    for (size_t i = 0; i < ARRAY_COUNT(checks); i++) {
        uint32_t want = SECCOMP_RET_ERRNO | (uint32_t)checks[i].want;
        if (checks[i].want <= 0)
            want = checks[i].want == FINE ? SECCOMP_RET_ALLOW : attack;
        uint32_t got = ask(&f, checks[i].nr, checks[i].a, checks[i].b, checks[i].c, checks[i].d);
        ck_assert_msg(got == want, "check %zu (call %d): %#x, expected %#x", i, checks[i].nr, got,
                      want);
    }
    filter_done(&f);
}
END_TEST

START_TEST(calls_have_names)
{
    char buf[FILTER_NAME_BYTES];
    ck_assert_str_eq(filter_name(SYS_mount, buf), "mount");
    ck_assert_str_eq(filter_name(9999, buf), "system call 9999");
}
END_TEST

/* --- for real --- */

/* How a child under the filter ended. */
struct ending {
    int notice; /* number of the call that was told, -1: none */
    int status; /* of waitpid */
};

/* In the child: filter on, listener to the parent, then body. */
static void be_child(const struct filter *f, int sock, int (*body)(const void *), const void *ctx)
{
    int listener = -1;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || (listener = filter_load(f, true)) < 0)
        _exit(200);
    if (io_send_msg(sock, "l", 1, &listener, f->notifies ? 1 : 0) < 0)
        _exit(201);
    if (f->notifies)
        close(listener);
    close(sock);
    _exit(body(ctx));
}

/* Wait until the child has ended; kill it at its first notice, as a keeper does. */
static struct ending watch(pid_t pid, int listener)
{
    struct ending end = { .notice = -1 };
    auto_fd_ int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    ck_assert_int_ge(pidfd, 0);
    /* Before Linux 6.11 the listener hears of the end only when it has been waited for. */
    struct pollfd p[2] = { { .fd = listener, .events = POLLIN },
                           { .fd = pidfd, .events = POLLIN } };
    while (listener >= 0 && end.notice < 0 && poll(p, 2, -1) > 0 && (p[0].revents & POLLIN) != 0)
        if (filter_take_notice(listener, &end.notice) < 0)
            break;
    if (end.notice >= 0)
        kill(pid, SIGKILL);
    ck_assert_int_eq(waitpid(pid, &end.status, 0), pid);
    return end;
}

static struct ending run(const struct filter *f, int (*body)(const void *), const void *ctx)
{
    int pair[2], fds[IO_FDS_MAX];
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0)
        be_child(f, pair[1], body, ctx);
    close(pair[1]);
    char c;
    size_t len = 0, count = 0;
    ck_assert_int_eq(io_recv_msg(pair[0], &c, 1, &len, fds, &count), 0);
    ck_assert_uint_eq(len, 1);
    close(pair[0]);
    auto_fd_ int listener = count == 1 ? fds[0] : -1;
    return watch(pid, listener);
}

struct call {
    long nr, a, b, c;
};

static int make_call(const void *ctx)
{
    const struct call *c = ctx;
    return syscall(c->nr, c->a, c->b, c->c, 0, 0) < 0 ? errno : 0;
}

static void expect_call(const struct filter *f, struct call c, int want)
{
    struct ending end = run(f, make_call, &c);
    if (want == ATTACKS && f->notifies) {
        ck_assert_msg(end.notice == (int)c.nr, "call %ld: no notice, status %#x", c.nr, end.status);
        ck_assert_int_eq(WTERMSIG(end.status), SIGKILL);
        return;
    }
    ck_assert_int_eq(end.notice, -1);
    if (want < 0)
        ck_assert_msg(WIFSIGNALED(end.status) && WTERMSIG(end.status) == SIGSYS,
                      "call %#lx: status %#x", c.nr, end.status);
    else
        ck_assert_msg(WIFEXITED(end.status) && WEXITSTATUS(end.status) == want,
                      "call %ld: status %#x, expected errno %d", c.nr, end.status, want);
}

START_TEST(the_kernel_agrees_on_each_class)
{
    struct filter f = build();
    expect_call(&f, (struct call){ SYS_getpid, 0, 0, 0 }, FINE);
    expect_call(&f, (struct call){ SYS_sync, 0, 0, 0 }, FINE);
    expect_call(&f, (struct call){ SYS_setuid, 0, 0, 0 }, EPERM);
    expect_call(&f, (struct call){ SYS_clone3, 0, 0, 0 }, ENOSYS);
    expect_call(&f, (struct call){ 4000, 0, 0, 0 }, ENOSYS);
    expect_call(&f, (struct call){ SYS_socket, AF_ALG, SOCK_SEQPACKET, 0 }, EAFNOSUPPORT);
    expect_call(&f, (struct call){ SYS_ioctl, 0, TIOCSTI, 0 }, EPERM);
    expect_call(&f, (struct call){ SYS_ioctl, 0, (long)(TIOCSTI | HIGH), 0 }, EPERM);
    expect_call(&f, (struct call){ SYS_ptrace, 0, 0, 0 }, ATTACKS);
    expect_call(&f, (struct call){ SYS_mount, 0, 0, 0 }, ATTACKS);
    expect_call(&f, (struct call){ SYS_bpf, 0, 0, 0 }, ATTACKS);
    expect_call(&f, (struct call){ SYS_unshare, CLONE_NEWUSER, 0, 0 }, ATTACKS);
    expect_call(&f, (struct call){ SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0 }, ATTACKS);
    expect_call(&f, (struct call){ SYS_clone, (long)(HIGH | CLONE_NEWNS | SIGCHLD), 0, 0 },
                ATTACKS);
#ifdef __x86_64__
    expect_call(&f, (struct call){ SYS_getpid | X32_BIT, 0, 0, 0 }, DIES);
#endif
    filter_done(&f);
}
END_TEST

static int call_i386(const void *ctx)
{
    (void)ctx;
    long r = 20; /* getpid */
#ifdef __x86_64__
    __asm__ volatile("int $0x80" : "+a"(r) : : "memory", "r8", "r9", "r10", "r11");
#endif
    return r > 0 ? 0 : 1;
}

START_TEST(a_32_bit_call_dies)
{
#ifdef __x86_64__
    struct filter f = build();
    struct ending end = run(&f, call_i386, NULL);
    ck_assert(WIFSIGNALED(end.status)); /* SIGSEGV where the kernel has no 32-bit calls at all */
    ck_assert(WTERMSIG(end.status) == SIGSYS || WTERMSIG(end.status) == SIGSEGV);
    filter_done(&f);
#else
    (void)call_i386;
#endif
}
END_TEST

START_TEST(without_a_listener_or_notices_an_attack_dies)
{
    struct filter f = build();
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        if (filter_load(&f, false) != 0)
            _exit(1);
        /* a notice that nobody can take fails with ENOSYS: the call is not made either way */
        _exit(syscall(SYS_mount, 0, 0, 0, 0, 0) < 0 && errno == ENOSYS ? 0 : 2);
    }
    int status = 0;
    waitpid(pid, &status, 0);
    ck_assert_msg(f.notifies ? status == 0 : WTERMSIG(status) == SIGSYS, "status %#x", status);
    filter_done(&f);
}
END_TEST

static int get_ready(const void *ctx)
{
    (void)ctx;
    return 0;
}

START_TEST(a_listener_without_notices_gives_none)
{
    struct filter f = build();
    ck_assert_int_eq(run(&f, get_ready, NULL).notice, -1);
    int pipe_fds[2], nr = -1;
    ck_assert_int_eq(pipe2(pipe_fds, O_CLOEXEC), 0);
    ck_assert_int_eq(filter_take_notice(pipe_fds[0], &nr), 0);
    close(pipe_fds[0]);
    close(pipe_fds[1]);
    filter_done(&f);
}
END_TEST

/* --- runtimes --- */

static const struct {
    const char *program, *script;
} runtimes[] = {
    { "bash", "x=$(echo a | tr a b); [ $x = b ] && (sleep 0.01 & wait)" },
    { "python3", "python3 -c 'import threading, subprocess, socket, tempfile, os, sqlite3\n"
                 "t = threading.Thread(target=print); t.start(); t.join()\n"
                 "subprocess.run([\"true\"], check=True)\n"
                 "sqlite3.connect(\"x.db\").execute(\"create table t(a)\")\n"
                 "socket.socket().close(); os.mkfifo(\"f\")'" },
    { "gcc", "printf 'int main(void){return 0;}' > a.c && gcc -O2 -o a a.c && ./a" },
    { "g++", "printf '#include <thread>\\nint main(){std::thread t([]{}); t.join();}' > a.cc && "
             "g++ -pthread -o aa a.cc && ./aa" },
    { "perl", "perl -e 'open my $f, \"<\", \"/etc/passwd\" or die; print scalar(<$f>); fork'" },
    { "ruby", "ruby -e 'Thread.new { }.join; system(\"true\") or exit 1'" },
    { "node",
      "node -e 'const w = require(\"worker_threads\"); require(\"os\").networkInterfaces();"
      "require(\"child_process\").execSync(\"true\"); require(\"fs\").readdirSync(\".\")'" },
    { "java", "printf 'class A { public static void main(String[] a) throws Exception {"
              "Thread t = new Thread(() -> {}); t.start(); t.join();"
              "java.net.NetworkInterface.getNetworkInterfaces(); } }' > A.java && java A.java" },
    { "go", "printf 'package main\\nfunc main() { c := make(chan int); go func() { c <- 1 }(); "
            "<-c }' > a.go && GOCACHE=$PWD/c GOPATH=$PWD go run a.go" },
    { "rustc", "printf 'fn main() { std::thread::spawn(|| {}).join().unwrap(); }' > a.rs && "
               "rustc a.rs && ./a" },
    { "php", "php -r 'exit(0);'" },
    { "mono", "mono --version" },
    { "ghc", "ghc --version" },
};

static int run_shell(const void *ctx)
{
    char dir[] = "/tmp/test_filter.XXXXXX";
    if (mkdtemp(dir) == NULL || chdir(dir) < 0)
        return 101;
    pid_t pid = fork();
    if (pid == 0) {
        execl("/bin/bash", "bash", "-c", (const char *)ctx, (char *)NULL);
        _exit(102);
    }
    int status = 0;
    waitpid(pid, &status, 0);
    pid = fork();
    if (pid == 0) {
        execl("/bin/rm", "rm", "-rf", dir, (char *)NULL);
        _exit(102);
    }
    waitpid(pid, NULL, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 103;
}

static bool is_installed(const char *program)
{
    auto_free_ char *path = xasprintf("/usr/bin/%s", program);
    return access(path, X_OK) == 0 || (strcmp(program, "bash") == 0 && !access("/bin/bash", X_OK));
}

START_TEST(ordinary_runtimes_run_and_are_never_taken_for_an_attack)
{
    setenv("PATH", "/usr/local/bin:/usr/bin:/bin", 1);
    unsetenv("LD_PRELOAD");
    unsetenv("ASAN_OPTIONS");
    if (!is_installed(runtimes[_i].program)) {
        printf("skipped: %s is not installed\n", runtimes[_i].program);
        return;
    }
    struct filter f = build();
    struct ending end = run(&f, run_shell, runtimes[_i].script);
    char name[FILTER_NAME_BYTES];
    ck_assert_msg(end.notice == -1, "%s was stopped for %s", runtimes[_i].program,
                  filter_name(end.notice, name));
    ck_assert_msg(WIFEXITED(end.status) && WEXITSTATUS(end.status) == 0, "%s: status %#x",
                  runtimes[_i].program, end.status);
    filter_done(&f);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("filter");
    TCase *tcase = tcase_create("filter");
    tcase_set_timeout(tcase, TIMEOUT_S);
    tcase_add_test(tcase, every_row_gives_what_it_says);
    tcase_add_test(tcase, no_call_has_two_rows);
    tcase_add_test(tcase, numbers_that_nobody_knows_are_unknown_to_the_filter);
    tcase_add_test(tcase, foreign_architectures_die_whatever_the_number);
    tcase_add_test(tcase, arguments_are_judged_by_their_low_halves);
    tcase_add_test(tcase, calls_have_names);
    tcase_add_test(tcase, the_kernel_agrees_on_each_class);
    tcase_add_test(tcase, a_32_bit_call_dies);
    tcase_add_test(tcase, without_a_listener_or_notices_an_attack_dies);
    tcase_add_test(tcase, a_listener_without_notices_gives_none);
    tcase_add_loop_test(tcase, ordinary_runtimes_run_and_are_never_taken_for_an_attack, 0,
                        ARRAY_COUNT(runtimes));
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
