/* test_filter_code.c - the made program, beside the table read row by row. */
#include "sandbox/filter_code.h"

#include <asm/ioctls.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/ioprio.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "sandbox/base/cleanup.h"
#include "tests/unit/base/unit.h"
#include "tests/unit/sandbox/filter_machine.h"

#define HIGH (UINT64_C(1) << 32)

enum { ROWS_MAX = 64 };

static struct filter build(void)
{
    struct filter f;
    struct err e = { 0 };
    ck_assert_msg(filter_build(&f, &e) == 0, "%s", e.msg);
    return f;
}

/* The table once more, to be read as its head says: an oracle that knows no jumps. */
#define ALL_BITS UINT32_MAX
#define HIGH_HALF(arg) ((arg) | 0x100)
#define CLONE_FLAGS_ARG 0
#define DO_ALLOW SECCOMP_RET_ALLOW
#define DO_ATTACK SECCOMP_RET_USER_NOTIF
#define DO_REFUSE(errnum) (SECCOMP_RET_ERRNO | (uint32_t)(errnum))
#ifndef TCP_AO_ADD_KEY
#define TCP_AO_ADD_KEY 38
#endif
#define IPV6_FLOWLABEL_MGR 32
#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x80
#endif

struct oracle_row {
    const char *name;
    uint32_t action;
    size_t count; /* of compares; 0: what a CHECK says otherwise */
    struct {
        uint32_t arg, mask, value;
    } compares[3];
};

static const struct oracle_row oracle[] = {
#undef ALLOW
#undef REFUSE
#undef ATTACK
#undef CHECK
#undef WHEN
#undef WHEN2
#undef WHEN3
#define ALLOW(name, reason)
#define REFUSE(name, errnum, reason)
#define ATTACK(name, reason)
#define CHECK(name, otherwise, reason) { #name, otherwise, 0, { { 0 } } },
#define WHEN(name, a, am, av, action, reason)                                                      \
    { #name, action, 1, { { a, (uint32_t)(am), (uint32_t)(av) } } },
#define WHEN2(name, a, am, av, b, bm, bv, action, reason)                                          \
    { #name,                                                                                       \
      action,                                                                                      \
      2,                                                                                           \
      { { a, (uint32_t)(am), (uint32_t)(av) }, { b, (uint32_t)(bm), (uint32_t)(bv) } } },
#define WHEN3(name, a, am, av, b, bm, bv, c, cm, cv, action, reason)                               \
    { #name,                                                                                       \
      action,                                                                                      \
      3,                                                                                           \
      { { a, (uint32_t)(am), (uint32_t)(av) },                                                     \
        { b, (uint32_t)(bm), (uint32_t)(bv) },                                                     \
        { c, (uint32_t)(cm), (uint32_t)(cv) } } },
#include "sandbox/syscalls.def"
};

static bool row_holds(const struct oracle_row *r, const uint64_t args[6])
{
    for (size_t i = 0; i < r->count; i++) {
        uint64_t arg = args[r->compares[i].arg & 0xff];
        uint32_t half = (uint32_t)((r->compares[i].arg & 0x100) != 0 ? arg >> 32 : arg);
        if ((half & r->compares[i].mask) != r->compares[i].value)
            return false;
    }
    return true;
}

/* The rows of one call, in the order of the table; what it gets otherwise. */
struct call {
    const struct oracle_row *rows[ROWS_MAX];
    size_t count;
    uint32_t otherwise;
};

static struct call call_of(const struct oracle_row *check)
{
    struct call c = { .otherwise = check->action };
    for (size_t i = 0; i < ARRAY_COUNT(oracle); i++)
        if (strcmp(oracle[i].name, check->name) == 0 && oracle[i].count > 0) {
            ck_assert_uint_lt(c.count, ROWS_MAX);
            c.rows[c.count++] = &oracle[i];
        }
    return c;
}

static uint32_t oracle_answer(const struct call *c, const uint64_t args[6])
{
    for (size_t i = 0; i < c->count; i++)
        if (row_holds(c->rows[i], args))
            return c->rows[i]->action;
    return c->otherwise;
}

static uint64_t next_random(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *state >> 33;
}

/* Values near those that rows of the call compare with, so that every row is met and just missed.
 */
static void draw_args(const struct call *c, uint64_t *random, uint64_t args[6])
{
    for (int i = 0; i < 6; i++)
        args[i] = next_random(random) % 4 == 0 ? next_random(random) : 0;
    for (size_t again = 1 + next_random(random) % 2; again > 0; again--) {
        const struct oracle_row *r = c->rows[next_random(random) % c->count];
        for (size_t i = 0; i < r->count; i++) {
            uint32_t half =
                r->compares[i].value | (uint32_t)(next_random(random) & ~r->compares[i].mask);
            half ^= next_random(random) % 3 == 0 ? UINT32_C(1) << next_random(random) % 32 : 0;
            uint64_t *arg = &args[r->compares[i].arg & 0xff];
            *arg =
                (r->compares[i].arg & 0x100) != 0
                    ? (*arg & UINT32_MAX) | (uint64_t)half << 32
                    : half | (next_random(random) % 2 == 0 ? *arg & ~(uint64_t)UINT32_MAX : HIGH);
        }
    }
}

START_TEST(arguments_get_what_the_table_says_read_row_by_row)
{
    struct filter f = build();
    uint64_t random = 1;
    size_t calls = 0, answers = 0;
    for (size_t i = 0; i < ARRAY_COUNT(oracle); i++) {
        int nr = seccomp_syscall_resolve_name(oracle[i].name);
        if (oracle[i].count > 0 || nr < 0)
            continue;
        struct call c = call_of(&oracle[i]);
        calls++;
        for (int turn = 0; turn < 1000; turn++, answers++) {
            struct seccomp_data d = { .nr = nr, .arch = seccomp_arch_native() };
            uint64_t args[6];
            draw_args(&c, &random, args);
            memcpy(d.args, args, sizeof args);
            uint32_t want = oracle_answer(&c, args), got = simulate(&f, &d);
            want = want == DO_ATTACK && !f.notifies ? SECCOMP_RET_KILL_PROCESS : want;
            ck_assert_msg(got == want, "%s(%#jx, %#jx, %#jx, %#jx): %#x, expected %#x",
                          oracle[i].name, (uintmax_t)args[0], (uintmax_t)args[1],
                          (uintmax_t)args[2], (uintmax_t)args[3], got, want);
        }
    }
    ck_assert_uint_gt(calls, 30);
    filter_done(&f);
}
END_TEST

/* Each process that loads the filter pays for its length. */
START_TEST(the_filter_is_short)
{
    struct filter f = build();
    ck_assert_uint_lt(f.count, 600);
    filter_done(&f);
}
END_TEST

UNIT_MAIN("filter_code", arguments_get_what_the_table_says_read_row_by_row, the_filter_is_short)
