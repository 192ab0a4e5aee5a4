/* test_outcome.c - what answers lead to, and how long the pauses are; one process. */
#include "server/courier/outcome.h"

#include "tests/unit/courier/unit.h"

static struct conf conf(void)
{
    struct conf c;
    conf_init(&c);
    c.callbacks_attempts = 5;
    c.callbacks_retry_first_ms = 1000;
    c.callbacks_retry_max_ms = 5000;
    c.callbacks_age_ms = 100000;
    return c;
}

#define auto_conf_ __attribute__((cleanup(conf_done)))

static struct order_reply answered(int64_t status)
{
    return (
        struct order_reply){ .end = ORDER_ANSWERED, .http_status = status, .retry_after_ms = -1 };
}

START_TEST(answers_decide)
{
    auto_conf_ struct conf c = conf();
    const struct callback cb = { .attempts = 1, .since_unix_ms = 0 };
    static const struct {
        int64_t status;
        enum callback_state state;
    } rows[] = {
        { 200, CALLBACK_DELIVERED }, { 201, CALLBACK_DELIVERED }, { 204, CALLBACK_DELIVERED },
        { 299, CALLBACK_DELIVERED }, { 300, CALLBACK_FAILED },    { 301, CALLBACK_FAILED },
        { 302, CALLBACK_FAILED },    { 307, CALLBACK_FAILED },    { 400, CALLBACK_FAILED },
        { 401, CALLBACK_FAILED },    { 404, CALLBACK_FAILED },    { 410, CALLBACK_FAILED },
        { 408, CALLBACK_PENDING },   { 429, CALLBACK_PENDING },   { 500, CALLBACK_PENDING },
        { 502, CALLBACK_PENDING },   { 503, CALLBACK_PENDING },   { 599, CALLBACK_PENDING },
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        struct order_reply r = answered(rows[i].status);
        ck_assert_msg(outcome_decide(&c, &cb, &r, 0, 0).state == rows[i].state, "%d",
                      (int)rows[i].status);
    }
    struct order_reply refused = { .end = ORDER_REFUSED, .retry_after_ms = -1 };
    struct order_reply unreached = { .end = ORDER_UNREACHED, .retry_after_ms = -1 };
    ck_assert_int_eq(outcome_decide(&c, &cb, &refused, 0, 0).state, CALLBACK_FAILED);
    ck_assert_int_eq(outcome_decide(&c, &cb, &unreached, 0, 0).state, CALLBACK_PENDING);
}
END_TEST

START_TEST(pauses_double_up_to_the_longest_and_vary_by_half)
{
    auto_conf_ struct conf c = conf();
    static const int64_t full_ms[] = { 1000, 2000, 4000, 5000, 5000 };
    for (int64_t i = 0; i < (int64_t)ARRAY_COUNT(full_ms); i++) {
        ck_assert_int_eq(outcome_pause_ms(&c, i + 1, 0), full_ms[i] / 2);
        ck_assert_int_eq(outcome_pause_ms(&c, i + 1, UINT32_MAX), full_ms[i]);
        int64_t middle_ms = outcome_pause_ms(&c, i + 1, 1u << 31);
        ck_assert(middle_ms > full_ms[i] / 2 && middle_ms < full_ms[i]);
    }
    ck_assert_int_eq(outcome_pause_ms(&c, INT64_MAX, UINT32_MAX), 5000);
}
END_TEST

START_TEST(tries_and_time_are_bounded)
{
    auto_conf_ struct conf c = conf();
    struct callback cb = { .attempts = 4, .since_unix_ms = 1000 };
    struct order_reply r = answered(503);
    struct outcome o = outcome_decide(&c, &cb, &r, 2000, UINT32_MAX);
    ck_assert_int_eq(o.state, CALLBACK_PENDING);
    ck_assert_int_eq(o.due_unix_ms, 7000);
    cb.attempts = 5;
    ck_assert_int_eq(outcome_decide(&c, &cb, &r, 2000, 0).state, CALLBACK_FAILED);
    cb.attempts = 1; /* young in tries, but the next would come too late */
    ck_assert_int_eq(outcome_decide(&c, &cb, &r, 100900, 0).state, CALLBACK_FAILED);
    ck_assert_int_eq(outcome_decide(&c, &cb, &r, 100000, 0).state, CALLBACK_PENDING);
}
END_TEST

START_TEST(the_receivers_wish_for_a_pause_is_honoured_where_time_allows)
{
    auto_conf_ struct conf c = conf();
    const struct callback cb = { .attempts = 1, .since_unix_ms = 0 };
    struct order_reply r = answered(429);
    r.retry_after_ms = 30000;
    ck_assert_int_eq(outcome_decide(&c, &cb, &r, 0, 0).due_unix_ms, 30000);
    r.retry_after_ms = 1; /* shorter than ours: ours */
    ck_assert_int_eq(outcome_decide(&c, &cb, &r, 0, 0).due_unix_ms, 500);
    r.retry_after_ms = 100001;
    ck_assert_int_eq(outcome_decide(&c, &cb, &r, 0, 0).state, CALLBACK_FAILED);
}
END_TEST

UNIT_MAIN("outcome", answers_decide, pauses_double_up_to_the_longest_and_vary_by_half,
          tries_and_time_are_bounded, the_receivers_wish_for_a_pause_is_honoured_where_time_allows)
