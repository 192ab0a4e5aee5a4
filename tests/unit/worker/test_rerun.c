/* test_rerun.c - tests near their limit are run again and the median decides: the rule, and real
 * programs. The latter need root. */
#include "tests/unit/worker/unit.h"

#include "sandbox/base/clock.h"
#include "worker/rerun.h"

static const char *const languages[] = { "bash", NULL };

#define BENCH(b)                                                                                   \
    auto_bench_ struct bench b = { .events = {                                                     \
                                       .epoll_fd = -1, .signal_fd = -1, .timer_fd = -1 } };        \
    if (!bench_possible())                                                                         \
        return;                                                                                    \
    bench_open(&b, languages)

START_TEST(near_is_what_lies_within_the_margin_or_above)
{
    ck_assert(!rerun_is_near(899999999, 1000, 10));
    ck_assert(rerun_is_near(900 * NS_PER_MS, 1000, 10));
    ck_assert(rerun_is_near(1100 * NS_PER_MS, 1000, 10));
    ck_assert(!rerun_is_near(999 * NS_PER_MS, 1000, 0));
    ck_assert(rerun_is_near(0, 1000, 100));
}
END_TEST

struct decision {
    int64_t count, late, timely;
    bool decided, is_late;
};

START_TEST(the_majority_of_what_could_be_decides_and_a_tie_is_in_time)
{
    static const struct decision all[] = {
        { 2, 1, 0, false, false }, { 2, 2, 0, true, true },  { 2, 0, 2, true, false },
        { 2, 1, 1, false, false }, { 2, 1, 2, true, false }, { 2, 2, 1, true, true },
        { 1, 1, 0, false, false }, { 1, 1, 1, true, false }, { 1, 2, 0, true, true },
        { 4, 2, 2, false, false }, { 4, 3, 0, true, true },  { 4, 2, 3, true, false },
    };
    for (size_t i = 0; i < ARRAY_COUNT(all); i++) {
        const struct decision *d = &all[i];
        bool late = false;
        ck_assert_msg(rerun_decided(d->count, d->late, d->timely, &late) == d->decided, "row %zu",
                      i);
        ck_assert_msg(late == d->is_late, "row %zu", i);
    }
}
END_TEST

static struct submission_report judge_bash(struct bench *b, const char *source, int64_t count)
{
    auto_submission_ struct submission sub = program(b, "bash", source, NULL);
    b->worker.conf.run_rerun_count = count;
    sub.tests[0].limits.cpu_time_ms = 300;
    return judged(b, &sub);
}

START_TEST(what_is_near_its_limit_is_run_again_and_tells_how_the_runs_lay)
{
    BENCH(b);
    b.worker.conf.run_rerun_margin = 100; /* everything is near */
    auto_report_ struct submission_report r = judge_bash(&b, "echo hi", 4);
    const struct test_result *t = &r.results[0];
    ck_assert_int_eq(t->verdict, VERDICT_ACCEPTED);
    ck_assert_int_eq(t->runs.count, 3); /* of five at most, three decide */
    ck_assert_int_gt(t->runs.cpu_time_min_ns, 0);
    ck_assert_int_le(t->runs.cpu_time_min_ns, t->runs.cpu_time_median_ns);
    ck_assert_int_le(t->runs.cpu_time_median_ns, t->runs.cpu_time_max_ns);
    ck_assert_int_eq(t->usage.cpu_time_ns, t->runs.cpu_time_median_ns);
}
END_TEST

START_TEST(what_is_far_from_it_or_not_asked_for_runs_once)
{
    BENCH(b);
    auto_report_ struct submission_report far = judge_bash(&b, "echo hi", 2);
    ck_assert_int_eq(far.results[0].runs.count, 0);
    auto_report_ struct submission_report fails = judge_bash(&b, "exit 3", 2);
    ck_assert_int_eq(fails.results[0].runs.count, 0);
    auto_report_ struct submission_report off = judge_bash(&b, "while :; do :; done", 0);
    ck_assert_int_eq(off.results[0].verdict, VERDICT_TIME_LIMIT);
    ck_assert_int_eq(off.results[0].runs.count, 0);
}
END_TEST

START_TEST(who_is_always_too_slow_stays_so_after_the_majority)
{
    BENCH(b);
    auto_report_ struct submission_report r = judge_bash(&b, "while :; do :; done", 2);
    ck_assert_int_eq(r.results[0].verdict, VERDICT_TIME_LIMIT);
    ck_assert_int_eq(r.results[0].runs.count, 2);
    ck_assert_int_ge(r.results[0].runs.cpu_time_min_ns, 300 * NS_PER_MS);
}
END_TEST

/* Every second instant it is too slow: a coin that only the number of runs can judge. */
START_TEST(who_is_sometimes_too_slow_gets_the_side_with_more_runs)
{
    static const char source[] = "t=$(date +%N); echo hi\n"
                                 "if [ $((10#${t:0:2} % 2)) = 0 ]; then while :; do :; done; fi";
    BENCH(b);
    b.worker.conf.run_rerun_margin = 100;
    for (int i = 0; i < 4; i++) {
        auto_report_ struct submission_report r = judge_bash(&b, source, 2);
        const struct test_result *t = &r.results[0];
        bool late = t->verdict == VERDICT_TIME_LIMIT;
        ck_assert(late || t->verdict == VERDICT_ACCEPTED);
        ck_assert_int_ge(t->runs.count, 2);
        ck_assert_int_le(t->runs.count, 3);
        ck_assert_int_eq(late, t->runs.cpu_time_median_ns >= 300 * NS_PER_MS);
    }
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        near_is_what_lies_within_the_margin_or_above,
        the_majority_of_what_could_be_decides_and_a_tie_is_in_time,
        what_is_near_its_limit_is_run_again_and_tells_how_the_runs_lay,
        what_is_far_from_it_or_not_asked_for_runs_once,
        who_is_always_too_slow_stays_so_after_the_majority,
        who_is_sometimes_too_slow_gets_the_side_with_more_runs,
    };
    setenv("CK_DEFAULT_TIMEOUT", "120", 1);
    return unit_main("rerun", tests, ARRAY_COUNT(tests));
}
