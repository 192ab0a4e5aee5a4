/* test_line.c - whose turn it is among API keys, and what their quotas allow; one process. */
#include "tests/unit/schema/unit.h"

#include "schema/inner.h"

enum { HOUR_MS = 3600 * 1000 };

/* Accept one of a key; its id. */
static void accept_of(struct store *s, int64_t key_id, int64_t priority, char ret[STORE_ID_BYTES])
{
    auto_submission_ struct submission sub = request(s, 1);
    sub.key_id = key_id;
    sub.priority = priority;
    accept_it(s, &sub);
    memcpy(ret, sub.id, STORE_ID_BYTES);
}

static void accept_many(struct store *s, int64_t key_id, int64_t priority, int count)
{
    char id[STORE_ID_BYTES];
    for (int i = 0; i < count; i++)
        accept_of(s, key_id, priority, id);
}

static int64_t key_of(struct store *s, const char *id)
{
    struct err e;
    struct submission_status status = { 0 };
    bool found = false;
    ck_ok(submission_status(s, id, &status, &found, &e));
    ck_assert(found);
    return status.key_id;
}

/* How many are claimed until `id` is, that one included. */
static int claims_until(struct store *s, const char *id)
{
    struct claim c;
    for (int n = 1; n < 1000; n++) {
        ck_assert(claim_one(s, &c));
        if (strcmp(c.id, id) == 0)
            return n;
    }
    return 1000;
}

/* So much later, for all that stands in line. */
static void let_pass(struct store *s, int64_t ms)
{
    struct err e;
    auto_free_ char *sql = xasprintf("UPDATE key_use SET line_rank = line_rank - %lld; "
                                     "UPDATE queue SET rank = rank - %lld, "
                                     "created_unix_ms = created_unix_ms - %lld",
                                     (long long)ms, (long long)ms, (long long)ms);
    ck_ok(sql_exec(s, sql, &e));
}

static int64_t new_key(struct store *s, struct quotas quotas)
{
    struct err e;
    struct api_key k = { 0 };
    auto_free_ char *secret = NULL;
    ck_ok(key_new(s, "k", KEY_SUBMIT, &quotas, &k, &secret, &e));
    int64_t id = k.id;
    api_key_done(&k);
    return id;
}

/* Record a test that used so much cpu time, and end. */
static void finish_with_cpu(struct store *s, const struct claim *c, int64_t cpu_ns)
{
    struct err e;
    bool mine = false;
    const struct test_result r = { .cause = TEXT("none"),
                                   .verdict = VERDICT_ACCEPTED,
                                   .usage = { .cpu_time_ns = cpu_ns } };
    ck_ok(queue_advance(s, c, SUBMISSION_RUNNING, &mine, &e));
    ck_ok(record_one_test(s, c, &r, &mine, &e));
    ck_assert(finish(s, c, VERDICT_ACCEPTED));
}

START_TEST(a_single_submission_waits_for_one_of_a_key_that_has_a_thousand)
{
    auto_place_ struct place p = place_new();
    char id[STORE_ID_BYTES];
    accept_many(p.s, 1, 0, 1000);
    accept_of(p.s, 2, 0, id);
    ck_assert_int_le(claims_until(p.s, id), 2);
    ck_consistent(p.s);
}
END_TEST

START_TEST(keys_with_work_waiting_take_turns)
{
    auto_place_ struct place p = place_new();
    struct claim c;
    int got[4] = { 0 };
    for (int64_t key = 1; key <= 3; key++)
        accept_many(p.s, key, 0, (int)(10 * key));
    for (int i = 0; i < 30; i++) {
        ck_assert(claim_one(p.s, &c));
        got[key_of(p.s, c.id)]++;
    }
    for (int key = 1; key <= 3; key++) {
        ck_assert_int_ge(got[key], 9); /* where the round began and ended */
        ck_assert_int_le(got[key], 11);
    }
    ck_consistent(p.s);
}
END_TEST

START_TEST(within_a_key_the_order_is_by_priority_and_age)
{
    auto_place_ struct place p = place_new();
    char ids[4][STORE_ID_BYTES];
    struct claim c;
    const int64_t priorities[] = { 0, 5, 0, 9 };
    const int order[] = { 3, 1, 0, 2 };
    for (int i = 0; i < 4; i++)
        accept_of(p.s, 7, priorities[i], ids[i]);
    for (int i = 0; i < 4; i++) {
        ck_assert(claim_one(p.s, &c));
        ck_assert_str_eq(c.id, ids[order[i]]);
    }
}
END_TEST

START_TEST(a_higher_priority_goes_first_among_keys_too)
{
    auto_place_ struct place p = place_new();
    char id[STORE_ID_BYTES];
    accept_many(p.s, 1, 0, 5);
    accept_many(p.s, 2, 0, 5);
    accept_of(p.s, 3, 10, id);
    ck_assert_int_eq(claims_until(p.s, id), 1);
}
END_TEST

START_TEST(bulk_waits_for_the_others_until_it_has_aged_and_then_takes_turns)
{
    auto_place_ struct place p = place_new();
    struct claim c;
    int bulk = 0;
    accept_many(p.s, 1, -100, 20);
    accept_many(p.s, 2, 0, 5);
    for (int i = 0; i < 5; i++) {
        ck_assert(claim_one(p.s, &c));
        ck_assert_int_eq(key_of(p.s, c.id), 2);
    }
    let_pass(p.s, 101 * 60 * 1000);
    accept_many(p.s, 2, 0, 20);
    for (int i = 0; i < 10; i++) {
        ck_assert(claim_one(p.s, &c));
        bulk += key_of(p.s, c.id) == 1;
    }
    ck_assert_int_ge(bulk, 4);
    ck_assert_int_le(bulk, 6);
}
END_TEST

START_TEST(cancelling_the_first_puts_the_next_in_line)
{
    auto_place_ struct place p = place_new();
    struct err e;
    char first[STORE_ID_BYTES], second[STORE_ID_BYTES];
    enum cancel_answer answer;
    struct claim c;
    accept_of(p.s, 1, 0, first);
    accept_of(p.s, 1, 0, second);
    ck_ok(queue_cancel(p.s, first, &answer, &e));
    ck_consistent(p.s);
    ck_assert(claim_one(p.s, &c));
    ck_assert_str_eq(c.id, second);
}
END_TEST

START_TEST(a_line_that_was_spoilt_is_made_anew)
{
    auto_place_ struct place p = place_new();
    struct err e;
    char id[STORE_ID_BYTES];
    struct claim c;
    accept_of(p.s, 1, 0, id);
    ck_ok(sql_exec(p.s, "UPDATE key_use SET line_id = '01M80XWCPED8030683HJSKDAY2'", &e));
    ck_assert(claim_one(p.s, &c));
    ck_assert_str_eq(c.id, id);
}
END_TEST

START_TEST(no_more_than_the_concurrent_count_are_claimed)
{
    auto_place_ struct place p = place_new();
    struct quotas q = quotas_unset();
    struct err e;
    struct claim a, b, c;
    bool mine = false;
    q.concurrent_count = 2;
    int64_t key = new_key(p.s, q);
    accept_many(p.s, key, 0, 4);
    ck_assert(claim_one(p.s, &a));
    ck_assert(claim_one(p.s, &b));
    ck_assert(!claim_one(p.s, &c));
    accept_many(p.s, key, 50, 1);
    ck_assert(!claim_one(p.s, &c));
    ck_assert(finish(p.s, &a, VERDICT_ACCEPTED));
    ck_assert(claim_one(p.s, &c));
    ck_assert(!claim_one(p.s, &a));
    ck_ok(queue_give_back(p.s, &b, 3, "again", &mine, &e));
    ck_assert(claim_one(p.s, &b));
    ck_assert(!claim_one(p.s, &a));
    ck_consistent(p.s);
}
END_TEST

START_TEST(a_quota_that_is_raised_lets_what_waits_go_on)
{
    auto_place_ struct place p = place_new();
    struct err e;
    struct api_key k = { .name = TEXT("k"), .quotas = quotas_unset() };
    struct claim c;
    bool found = false;
    k.quotas.concurrent_count = 1;
    k.id = new_key(p.s, k.quotas);
    accept_many(p.s, k.id, 0, 3);
    ck_assert(claim_one(p.s, &c));
    ck_assert(!claim_one(p.s, &c));
    k.quotas.concurrent_count = 2;
    ck_ok(key_set(p.s, &k, &found, &e));
    ck_assert(found);
    ck_assert(claim_one(p.s, &c));
    ck_assert(!claim_one(p.s, &c));
    k.quotas.concurrent_count = QUOTA_UNSET;
    ck_ok(key_set(p.s, &k, &found, &e));
    ck_assert(claim_one(p.s, &c));
}
END_TEST

START_TEST(new_defaults_hold_for_keys_without_quotas_of_their_own)
{
    auto_place_ struct place p = place_new();
    struct err e;
    struct quotas q = quotas_defaults();
    struct claim c;
    accept_many(p.s, 0, 0, 3);
    q.concurrent_count = 1;
    ck_ok(queue_set_quotas(p.s, &q, &e));
    ck_assert(claim_one(p.s, &c));
    ck_assert(!claim_one(p.s, &c));
    q.concurrent_count = 0;
    ck_ok(queue_set_quotas(p.s, &q, &e));
    ck_assert(claim_one(p.s, &c));
}
END_TEST

static void ck_refused(struct store *s, int64_t key, enum quota quota, int64_t least_ms)
{
    struct err e;
    char existing[STORE_ID_BYTES];
    auto_submission_ struct submission sub = request(s, 1);
    sub.key_id = key;
    ck_fails(queue_accept(s, &sub, existing, &e), ERR_BUSY, quotas_name(quota));
    ck_assert_int_eq(sub.refused, quota);
    ck_assert_int_ge(sub.retry_ms, least_ms);
}

START_TEST(a_key_may_have_so_many_waiting_and_no_more)
{
    auto_place_ struct place p = place_new();
    struct quotas q = quotas_unset();
    struct claim c;
    q.queued_count = 2;
    int64_t key = new_key(p.s, q);
    accept_many(p.s, key, 0, 2);
    ck_refused(p.s, key, QUOTA_QUEUED_COUNT, 1);
    accept_many(p.s, key + 1, 0, 5);
    ck_assert(claim_one(p.s, &c));
    accept_many(p.s, key, 0, 1);
    ck_refused(p.s, key, QUOTA_QUEUED_COUNT, 1);
    ck_consistent(p.s);
}
END_TEST

START_TEST(a_key_may_have_so_many_bytes_waiting)
{
    auto_place_ struct place p = place_new();
    struct quotas q = quotas_unset();
    q.queued_bytes = 50; /* one request has 21 */
    int64_t key = new_key(p.s, q);
    accept_many(p.s, key, 0, 2);
    ck_refused(p.s, key, QUOTA_QUEUED_BYTES, 1);
    ck_consistent(p.s);
}
END_TEST

START_TEST(a_queue_with_too_many_bytes_is_busy)
{
    auto_place_ struct place p = place_empty();
    p.s = open_store(&p, (struct store_options){ .queue_bytes_max = 50 });
    struct err e;
    char existing[STORE_ID_BYTES];
    struct claim c;
    accept_many(p.s, 1, 0, 2);
    auto_submission_ struct submission sub = request(p.s, 1);
    ck_fails(queue_accept(p.s, &sub, existing, &e), ERR_BUSY, "queue is full");
    ck_assert_int_eq(sub.refused, QUOTA_NONE);
    ck_assert(claim_one(p.s, &c));
    accept_it(p.s, &sub);
}
END_TEST

START_TEST(a_priority_above_the_keys_is_refused)
{
    auto_place_ struct place p = place_new();
    struct err e;
    char existing[STORE_ID_BYTES];
    struct quotas q = quotas_unset();
    q.priority_max = 0;
    auto_submission_ struct submission sub = request(p.s, 1);
    sub.key_id = new_key(p.s, q);
    sub.priority = 1;
    ck_fails(queue_accept(p.s, &sub, existing, &e), ERR_INPUT, "priority_max");
    sub.priority = -5;
    accept_it(p.s, &sub);
}
END_TEST

START_TEST(cpu_time_is_charged_and_outlives_a_restart)
{
    auto_place_ struct place p = place_new();
    struct quotas q = quotas_unset();
    struct key_use use;
    struct err e;
    struct claim c;
    q.cpu_seconds_per_hour = 10;
    int64_t key = new_key(p.s, q);
    accept_many(p.s, key, 0, 3);
    ck_assert(claim_one(p.s, &c));
    finish_with_cpu(p.s, &c, 4 * NS_PER_S);
    ck_ok(key_use_get(p.s, key, &use, &e));
    ck_assert_int_eq(use.cpu_total_ns, 4 * NS_PER_S);
    ck_assert_int_eq(use.cpu_hour_ns, 4 * NS_PER_S);
    ck_assert_int_eq(use.cpu_wait_ms, 0);
    ck_assert(claim_one(p.s, &c));
    finish_with_cpu(p.s, &c, 7 * NS_PER_S);
    store_close(p.s);
    p.s = open_store(&p, (struct store_options){ 0 });
    ck_ok(key_use_get(p.s, key, &use, &e));
    ck_assert_int_eq(use.cpu_total_ns, 11 * NS_PER_S);
    ck_assert_int_gt(use.cpu_wait_ms, 0);
    ck_assert_int_eq(use.queued_count, 1);
    ck_assert(!claim_one(p.s, &c)); /* what waits rests */
    ck_refused(p.s, key, QUOTA_CPU_SECONDS_PER_HOUR, 1);
    ck_ok(sql_exec(p.s, "UPDATE key_use SET cpu_hour = cpu_hour - 2, ready_unix_ms = 1", &e));
    ck_assert(claim_one(p.s, &c)); /* two hours later */
    accept_many(p.s, key, 0, 1);
    ck_consistent(p.s);
}
END_TEST

START_TEST(the_last_sixty_minutes_fade)
{
    struct use u = { .cpu_hour = 1000, .cpu_ns = 36 * NS_PER_S };
    int64_t start = INT64_C(1000) * HOUR_MS;
    ck_assert_int_eq(line_cpu_ns(&u, start), 36 * NS_PER_S);
    ck_assert_int_eq(line_cpu_ns(&u, start + HOUR_MS + HOUR_MS / 2), 18 * NS_PER_S);
    ck_assert_int_eq(line_cpu_ns(&u, start + 2 * HOUR_MS), 0);
    ck_assert_int_eq(line_cpu_wait_ms(&u, 0, start), 0);
    ck_assert_int_eq(line_cpu_wait_ms(&u, 37, start), 0);
    for (int64_t quota = 1; quota <= 36; quota += 5) {
        for (int64_t at = start; at < start + 2 * HOUR_MS; at += HOUR_MS / 7) {
            int64_t wait = line_cpu_wait_ms(&u, quota, at);
            ck_assert_int_eq(line_cpu_wait_ms(&u, quota, at + wait), 0);
            if (wait > 2000)
                ck_assert_int_gt(line_cpu_wait_ms(&u, quota, at + wait - 2000), 0);
        }
    }
}
END_TEST

START_TEST(who_is_cancelled_while_it_runs_is_charged_for_the_time_it_held_its_slot)
{
    auto_place_ struct place p = place_new();
    struct key_use use;
    struct err e;
    struct claim c;
    enum cancel_answer answer;
    accept_many(p.s, 5, 0, 1);
    ck_assert(claim_one(p.s, &c));
    ck_ok(sql_exec(p.s, "UPDATE queue SET started_unix_ms = started_unix_ms - 9000", &e));
    ck_ok(queue_cancel(p.s, c.id, &answer, &e));
    ck_ok(key_use_get(p.s, 5, &use, &e));
    ck_assert_int_ge(use.cpu_total_ns, 9 * NS_PER_S);
    ck_consistent(p.s);
}
END_TEST

START_TEST(quotas_of_a_key_are_kept)
{
    auto_place_ struct place p = place_new();
    struct err e;
    struct quotas q = quotas_unset();
    struct api_key k = { 0 };
    bool found = false;
    q.queued_count = 0;
    q.requests_per_second = 12;
    q.priority_max = -7;
    int64_t id = new_key(p.s, q);
    ck_ok(key_get(p.s, id, &k, &found, &e));
    ck_assert(found);
    ck_assert_mem_eq(&k.quotas, &q, sizeof q);
    api_key_done(&k);
    ck_ok(key_revoke(p.s, id, &found, &e));
    ck_ok(key_set(p.s, &(struct api_key){ .id = id, .name = TEXT("x"), .quotas = q }, &found, &e));
    ck_assert(!found);
}
END_TEST

START_TEST(any_mixture_of_moves_keeps_the_line_right)
{
    auto_place_ struct place p = place_new();
    struct quotas q = quotas_unset();
    struct err e;
    struct claim held[8];
    char ids[64][STORE_ID_BYTES];
    size_t held_count = 0, id_count = 0;
    unsigned dice = 12345;
    q.concurrent_count = 2;
    int64_t base = new_key(p.s, q);
    for (int i = 0; i < 600; i++) {
        bool mine = false;
        enum cancel_answer answer;
        dice = dice * 1103515245 + 12345;
        unsigned what = dice >> 16 & 7, which = dice >> 20;
        if (what < 3)
            accept_of(p.s, base + which % 4, (int64_t)(which % 5) * 50 - 100,
                      ids[id_count++ % ARRAY_COUNT(ids)]);
        else if (what < 5 && held_count < ARRAY_COUNT(held))
            held_count += claim_one(p.s, &held[held_count]);
        else if (what == 5 && held_count > 0)
            finish_with_cpu(p.s, &held[--held_count], 1000);
        else if (what == 6 && held_count > 0)
            ck_ok(queue_give_back(p.s, &held[--held_count], QUEUE_UNCOUNTED, "", &mine, &e));
        else if (what == 7 && id_count > ARRAY_COUNT(ids) && held_count == 0)
            ck_ok(queue_cancel(p.s, ids[which % ARRAY_COUNT(ids)], &answer, &e));
        if (i % 20 == 0)
            ck_consistent(p.s);
    }
    struct claim c;
    while (held_count > 0)
        finish_with_cpu(p.s, &held[--held_count], 1000);
    while (claim_one(p.s, &c))
        finish_with_cpu(p.s, &c, 1000);
    ck_assert_int_eq(number(p.s, "SELECT count(*) FROM queue"), 0);
    ck_consistent(p.s);
}
END_TEST

UNIT_MAIN("line", a_single_submission_waits_for_one_of_a_key_that_has_a_thousand,
          keys_with_work_waiting_take_turns, within_a_key_the_order_is_by_priority_and_age,
          a_higher_priority_goes_first_among_keys_too,
          bulk_waits_for_the_others_until_it_has_aged_and_then_takes_turns,
          cancelling_the_first_puts_the_next_in_line, a_line_that_was_spoilt_is_made_anew,
          no_more_than_the_concurrent_count_are_claimed,
          a_quota_that_is_raised_lets_what_waits_go_on,
          new_defaults_hold_for_keys_without_quotas_of_their_own,
          a_key_may_have_so_many_waiting_and_no_more, a_key_may_have_so_many_bytes_waiting,
          a_queue_with_too_many_bytes_is_busy, a_priority_above_the_keys_is_refused,
          cpu_time_is_charged_and_outlives_a_restart, the_last_sixty_minutes_fade,
          who_is_cancelled_while_it_runs_is_charged_for_the_time_it_held_its_slot,
          quotas_of_a_key_are_kept, any_mixture_of_moves_keeps_the_line_right)
