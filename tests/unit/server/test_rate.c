/* test_rate.c - token buckets of keys, by a clock that the test turns; one process. */
#include "server/rate.h"

#include "sandbox/base/clock.h"
#include "tests/unit/server/unit.h"

static struct quotas limits(int64_t per_second, int64_t burst, int64_t per_minute)
{
    struct quotas q = quotas_defaults();
    q.requests_per_second = per_second;
    q.requests_burst = burst;
    q.requests_per_minute = per_minute;
    return q;
}

/* How many of `count` requests at one moment pass. */
static int pass(struct rate *r, int64_t key, const struct quotas *q, int64_t now_ns, int count)
{
    int passed = 0;
    int64_t wait_ms = 0;
    for (int i = 0; i < count; i++)
        passed += rate_take(r, key, q, now_ns, &wait_ms) == QUOTA_NONE;
    return passed;
}

START_TEST(without_limits_all_pass)
{
    struct rate *r = rate_new();
    struct quotas q = limits(0, 0, 0);
    ck_assert_int_eq(pass(r, 1, &q, NS_PER_S, 10000), 10000);
    rate_free(r);
}
END_TEST

START_TEST(a_burst_passes_and_then_as_many_as_time_brings)
{
    struct rate *r = rate_new();
    struct quotas q = limits(10, 25, 0);
    int64_t now = 100 * NS_PER_S;
    ck_assert_int_eq(pass(r, 1, &q, now, 100), 25);
    ck_assert_int_eq(pass(r, 1, &q, now + NS_PER_S / 2, 100), 5);
    ck_assert_int_eq(pass(r, 1, &q, now + 100 * NS_PER_S, 100), 25);
    rate_free(r);
}
END_TEST

START_TEST(without_a_burst_a_seconds_worth_may_come_at_once)
{
    struct rate *r = rate_new();
    struct quotas q = limits(3, 0, 0);
    ck_assert_int_eq(pass(r, 1, &q, NS_PER_S, 100), 3);
    rate_free(r);
}
END_TEST

START_TEST(keys_do_not_spend_each_others_tokens)
{
    struct rate *r = rate_new();
    struct quotas q = limits(5, 0, 0);
    ck_assert_int_eq(pass(r, 1, &q, NS_PER_S, 100), 5);
    ck_assert_int_eq(pass(r, 1025, &q, NS_PER_S, 100), 5);
    ck_assert_int_eq(pass(r, 0, &q, NS_PER_S, 100), 5);
    rate_free(r);
}
END_TEST

START_TEST(a_minute_bounds_what_seconds_allow)
{
    struct rate *r = rate_new();
    struct quotas q = limits(10, 0, 30);
    int64_t wait_ms = 0, now = NS_PER_S, passed = 0;
    for (int s = 0; s < 60; s++)
        passed += pass(r, 1, &q, now + s * NS_PER_S, 20);
    ck_assert_int_ge(passed, 58);
    ck_assert_int_le(passed, 60);
    ck_assert_int_eq(rate_take(r, 1, &q, now + 59 * NS_PER_S, &wait_ms), QUOTA_REQUESTS_PER_MINUTE);
    rate_free(r);
}
END_TEST

START_TEST(who_waits_as_told_passes)
{
    struct rate *r = rate_new();
    struct quotas q = limits(4, 0, 0);
    int64_t wait_ms = 0, now = NS_PER_S;
    ck_assert_int_eq(pass(r, 1, &q, now, 4), 4);
    ck_assert_int_eq(rate_take(r, 1, &q, now, &wait_ms), QUOTA_REQUESTS_PER_SECOND);
    ck_assert_int_ge(wait_ms, 250);
    ck_assert_int_le(wait_ms, 251);
    ck_assert_int_eq(rate_take(r, 1, &q, now + wait_ms * NS_PER_MS, &wait_ms), QUOTA_NONE);
    rate_free(r);
}
END_TEST

UNIT_MAIN("rate", without_limits_all_pass, a_burst_passes_and_then_as_many_as_time_brings,
          without_a_burst_a_seconds_worth_may_come_at_once, keys_do_not_spend_each_others_tokens,
          a_minute_bounds_what_seconds_allow, who_waits_as_told_passes)
