/*
 * test_truth_wall.c - elapsed time, and what a program did with it: waiting is told from computing,
 * on an idle host and on one where nobody gets much of a core; real keepers.
 */
#include <inttypes.h>

#include "sandbox/base/cleanup.h"
#include "sandbox/base/clock.h"
#include "tests/truth/truth.h"

static const char *const waits[] = { "sleep", "pipe",  "stopped", "futex",
                                     "poll",  "child", "vfork",   "threads" };
static const char *const works[] = {
    "spin", "spin-child", "spin-threads", "calls", "yield", "pair"
};

/* `how` for ever under a wall limit, `runs` times. */
static void run_into_wall(struct kit *k, const char *how, int64_t wall_ms, enum box_cause cause)
{
    struct shot s;
    truth_shot(&s, "for-ever", how, NULL);
    s.command.limits.cpu_time_ms = 10 * wall_ms;
    s.command.limits.wall_time_ms = wall_ms;
    shot_run(k, &s);
    ck_assert_msg(s.o.started && s.o.cause == cause, "%s: %s after %" PRId64 " ms of cpu", how,
                  box_cause_name(s.o.cause), s.o.cpu_ns / NS_PER_MS);
    ck_assert_int_ge(s.o.wall_ns, wall_ms * NS_PER_MS);
    /* 20 ms is what is promised and measured; a test must not fail for what else the host does. */
    ck_assert_int_lt(s.o.wall_ns, (wall_ms + kit_slow(3000)) * NS_PER_MS);
    shot_done(&s);
}

START_TEST(what_waits_is_idle_and_what_computes_is_not)
{
    struct kit k;
    truth_open(&k, NULL);
    for (size_t i = 0; i < ARRAY_COUNT(waits); i++)
        run_into_wall(&k, waits[i], kit_slow(200), BOX_CAUSE_IDLE);
    for (size_t i = 0; i < ARRAY_COUNT(works); i++)
        run_into_wall(&k, works[i], kit_slow(200), BOX_CAUSE_WALL);
    kit_close(&k);
}
END_TEST

START_TEST(the_same_where_nobody_gets_a_quarter_of_a_core)
{
    struct kit k;
    struct truth_load l;
    truth_open(&k, NULL);
    truth_load(&l, 5 * truth_cores());
    for (size_t i = 0; i < ARRAY_COUNT(waits); i++)
        run_into_wall(&k, waits[i], kit_slow(300), BOX_CAUSE_IDLE);
    for (size_t i = 0; i < ARRAY_COUNT(works); i++)
        run_into_wall(&k, works[i], kit_slow(300), BOX_CAUSE_WALL);
    truth_unload(&l);
    kit_close(&k);
}
END_TEST

START_TEST(a_short_limit_tells_them_apart_too)
{
    struct kit k;
    truth_open(&k, NULL);
    run_into_wall(&k, "sleep", kit_slow(20), BOX_CAUSE_IDLE);
    run_into_wall(&k, "spin", kit_slow(20), BOX_CAUSE_WALL);
    kit_close(&k);
}
END_TEST

START_TEST(elapsed_time_is_measured_to_the_end_of_the_program)
{
    struct kit k;
    struct shot s;
    truth_open(&k, NULL);
    truth_shot(&s, "compute", "1", "250", NULL);
    shot_run(&k, &s);
    check_exit(&s.o, 0);
    ck_assert_int_ge(s.o.wall_ns, 250 * NS_PER_MS);
    ck_assert_int_lt(s.o.wall_ns, (250 + kit_slow(3000)) * NS_PER_MS);
    shot_done(&s);
    kit_close(&k);
}
END_TEST

KIT_MAIN("truth of wall", what_waits_is_idle_and_what_computes_is_not,
         the_same_where_nobody_gets_a_quarter_of_a_core, a_short_limit_tells_them_apart_too,
         elapsed_time_is_measured_to_the_end_of_the_program)
