/* test_pool.c - how many cells a keeper has ready: after a burst, and after a rest. */
#include <unistd.h>

#include "sandbox/base/cleanup.h"
#include "tests/box/kit.h"

enum { SHOTS = 20, BURST = 6, PER_CELL = 2, PIDS_MAX = 64, REST_S_MAX = 40, ROUND_US = 100000 };

/* So many processes are in the keeper's groups. */
struct expected {
    struct kit *kit;
    size_t count;
};

static bool holds(void *ctx)
{
    const struct expected *x = ctx;
    pid_t pids[PIDS_MAX];
    return kit_processes(x->kit->keeper_pid, pids, PIDS_MAX) == x->count;
}

static size_t processes(struct kit *k)
{
    pid_t pids[PIDS_MAX];
    return kit_processes(k->keeper_pid, pids, PIDS_MAX);
}

static void burst(struct kit *k, int count)
{
    for (int i = 0; i < count; i++) {
        struct box_outcome o = shot_at(k, "exit", "0");
        check_exit(&o, 0);
    }
}

START_TEST(a_burst_makes_the_pool_deeper_until_a_rest)
{
    static const char *const none[] = { "box.warm=0", NULL };
    static const char *const set[] = { "box.warm=1", "box.warm_burst=6", NULL };
    struct kit k;
    kit_open(&k, none);
    size_t without = processes(&k);
    kit_close(&k);
    kit_open(&k, set);
    struct expected one = { &k, without + PER_CELL }, many = { &k, without + PER_CELL * BURST };
    ck_assert(kit_wait(holds, &one));
    burst(&k, SHOTS);
    ck_assert(kit_wait(holds, &many));
    burst(&k, SHOTS); /* those that wait are used, and made again */
    ck_assert(kit_wait(holds, &many));
    bool rested = false;
    for (int i = 0; i < kit_slow(REST_S_MAX * 10) && !rested; i++) {
        usleep(ROUND_US);
        rested = holds(&one);
    }
    ck_assert_msg(rested, "%zu processes, expected %zu", processes(&k), one.count);
    burst(&k, 1);
    kit_close(&k);
}
END_TEST

START_TEST(none_are_ready_where_none_are_wanted)
{
    static const char *const set[] = { "box.warm=0", NULL };
    struct kit k;
    kit_open(&k, set);
    size_t before = processes(&k);
    burst(&k, SHOTS);
    struct expected same = { &k, before };
    ck_assert(kit_wait(holds, &same));
    kit_close(&k);
}
END_TEST

KIT_MAIN("pool", a_burst_makes_the_pool_deeper_until_a_rest, none_are_ready_where_none_are_wanted)
