/* test_keeper_guard.c - what minos-box can no longer do once it has given up what it does not use;
 * each check in a child, for there is no way back. */
#include <check.h>
#include <errno.h>
#include <linux/capability.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sandbox/base/cleanup.h"
#include "sandbox/base/io.h"
#include "sandbox/filter.h"
#include "sandbox/keeper_guard.h"
#include "tests/unit/base/unit.h"

enum { GOOD = 0, BAD = 1, CANNOT = 2, NOTICE_TIMEOUT_MS = 10000 };

/* The exit status of `body` in a child under the filter, or BAD. */
static int guarded(int (*body)(void))
{
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        struct err e;
        _exit(keeper_guard_calls(&e) < 0 ? CANNOT : body());
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : BAD;
}

#ifndef MINOS_UNGUARDED /* sanitizers need their calls */
static int make_foreign_calls(void)
{
    static const long calls[] = { SYS_bpf,           SYS_kexec_load,       SYS_init_module,
                                  SYS_delete_module, SYS_reboot,           SYS_ptrace,
                                  SYS_pidfd_getfd,   SYS_process_vm_readv, SYS_perf_event_open,
                                  SYS_userfaultfd,   SYS_io_uring_setup,   SYS_open_by_handle_at,
                                  SYS_keyctl,        SYS_swapon,           SYS_settimeofday };
    for (size_t i = 0; i < ARRAY_COUNT(calls); i++)
        if (syscall(calls[i], 0, 0, 0, 0, 0) != -1 || errno != ENOSYS)
            return BAD;
    return GOOD;
}

START_TEST(calls_that_neither_it_nor_a_cell_makes_are_unknown_to_it)
{
    ck_assert_int_eq(guarded(make_foreign_calls), GOOD);
}
END_TEST
#endif

static const char *const calls_of_cells[] = {
#define ALLOW(name, reason) #name,
#define CHECK(name, otherwise, reason) #name,
#define REFUSE(name, errnum, reason)
#define ATTACK(name, reason)
#define WHEN(name, a, am, av, action, reason)
#define WHEN2(name, a, am, av, b, bm, bv, action, reason)
#define WHEN3(name, a, am, av, b, bm, bv, c, cm, cv, action, reason)
#include "sandbox/syscalls.def"
#undef ALLOW
#undef CHECK
#undef REFUSE
#undef ATTACK
#undef WHEN
#undef WHEN2
#undef WHEN3
};

START_TEST(what_a_cell_may_call_passes)
{
    for (size_t i = 0; i < ARRAY_COUNT(calls_of_cells); i++)
        ck_assert_msg(keeper_guard_allows(calls_of_cells[i]), "%s", calls_of_cells[i]);
    ck_assert(keeper_guard_allows("mount"));
    ck_assert(!keeper_guard_allows("bpf"));
}
END_TEST

_Noreturn static void attack_in_a_cell(const struct filter *f, int sock)
{
    const char what = 'l';
    int listener = filter_load(f, true);
    if (listener >= 0 && io_send_msg(sock, &what, 1, &listener, 1) == 0)
        (void)syscall(SYS_bpf, 0, 0, 0, 0, 0);
    _exit(0);
}

/* A call that both filters refuse: the keeper still hears of it. */
static int see_an_attack(void)
{
    struct filter f;
    struct err e;
    int pair[2], fds[IO_FDS_MAX], nr = -1;
    size_t len, count = 0;
    char what;
    if (filter_build(&f, &e) < 0 || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        return CANNOT;
    if (!f.notifies)
        return GOOD; /* there, attacks kill */
    pid_t pid = fork();
    if (pid == 0)
        attack_in_a_cell(&f, pair[1]);
    if (pid < 0 || io_recv_msg(pair[0], &what, 1, &len, fds, &count) < 0 || count != 1)
        return CANNOT;
    struct pollfd p = { .fd = fds[0], .events = POLLIN };
    if (poll(&p, 1, NOTICE_TIMEOUT_MS) != 1 || filter_take_notice(fds[0], &nr) != 1)
        return BAD;
    (void)kill(pid, SIGKILL);
    (void)waitpid(pid, NULL, 0);
    filter_done(&f);
    return nr == SYS_bpf ? GOOD : BAD;
}

START_TEST(an_attack_in_a_cell_is_told_through_it)
{
    ck_assert_int_eq(guarded(see_an_attack), GOOD);
}
END_TEST

static uint64_t held(void)
{
    struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
    struct __user_cap_data_struct d[2] = { 0 };
    if (syscall(SYS_capget, &header, d) < 0)
        return UINT64_MAX;
    return (uint64_t)(d[1].permitted | d[1].inheritable) << 32 | d[0].permitted | d[0].inheritable;
}

static int drop_twice(void)
{
    struct err e;
    uint64_t before = held();
    for (int phase = KEEPER_STARTS; phase <= KEEPER_SERVES; phase *= 2) {
        uint64_t keep = keeper_guard_capabilities((enum keeper_phase)phase);
        if (keeper_guard_drop((enum keeper_phase)phase, &e) < 0 || held() != (before & keep))
            return BAD;
        for (int cap = 0; cap <= CAP_CHECKPOINT_RESTORE; cap++) {
            bool in_bounding = prctl(PR_CAPBSET_READ, cap) == 1, wanted = (keep >> cap & 1) != 0;
            if (in_bounding && !wanted && (before >> CAP_SETPCAP & 1) != 0)
                return BAD;
        }
    }
    return GOOD;
}

START_TEST(capabilities_that_are_not_listed_leave_every_set)
{
    ck_assert_int_eq(guarded(drop_twice), GOOD);
    uint64_t starts = keeper_guard_capabilities(KEEPER_STARTS);
    uint64_t serves = keeper_guard_capabilities(KEEPER_SERVES);
    ck_assert_uint_eq(starts & serves, serves);
    ck_assert_uint_ne(starts, serves);
    uint64_t one_id = keeper_guard_capabilities(KEEPER_SERVES_ONE_ID);
    ck_assert_uint_eq(one_id & ~serves, UINT64_C(1) << CAP_SETFCAP);
    ck_assert_uint_eq(serves >> CAP_SYS_MODULE & 1, 0);
}
END_TEST

UNIT_MAIN("keeper guard",
#ifndef MINOS_UNGUARDED
          calls_that_neither_it_nor_a_cell_makes_are_unknown_to_it,
#endif
          what_a_cell_may_call_passes, an_attack_in_a_cell_is_told_through_it,
          capabilities_that_are_not_listed_leave_every_set)
