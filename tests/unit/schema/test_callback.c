/* test_callback.c - callbacks in the store: made once, taken, settled, taken up again; one
 * process. */
#include "schema/callback.h"

#include "tests/unit/schema/unit.h"

static void accept_with(struct store *s, const char *url, char ret_id[STORE_ID_BYTES])
{
    struct err e;
    char existing[STORE_ID_BYTES];
    auto_submission_ struct submission sub = request(s, 1);
    sub.callback_url = xstrdup(url);
    sub.key_id = 7;
    ck_ok(queue_accept(s, &sub, existing, &e));
    memcpy(ret_id, sub.id, STORE_ID_BYTES);
}

static void end_with(struct store *s, const char *url, char ret_id[STORE_ID_BYTES])
{
    struct claim c;
    accept_with(s, url, ret_id);
    ck_assert(claim_one(s, &c));
    ck_assert(finish(s, &c, VERDICT_COMPILE_ERROR));
}

static bool take(struct store *s, struct callback *ret)
{
    struct err e;
    bool found = false;
    ck_ok(callback_take(s, 60000, NULL, 0, ret, &found, &e));
    return found;
}

static struct callback look(struct store *s, const char *id)
{
    struct err e;
    struct callback c = { 0 };
    bool found = false;
    ck_ok(callback_load(s, id, &c, &found, &e));
    ck_assert(found);
    return c;
}

#define auto_callback_ __attribute__((cleanup(callback_done)))

START_TEST(the_end_of_a_submission_makes_exactly_one_callback)
{
    auto_place_ struct place p = place_new();
    auto_callback_ struct callback c = { 0 }, none = { 0 };
    struct err e;
    char id[STORE_ID_BYTES], quiet[STORE_ID_BYTES];
    accept_with(p.s, "http://example.org/x", id);
    ck_assert_int_eq(number(p.s, "SELECT count(*) FROM callback"), 0);
    struct claim claim;
    ck_assert(claim_one(p.s, &claim));
    ck_assert(finish(p.s, &claim, VERDICT_COMPILE_ERROR));
    ck_assert(!finish(p.s, &claim, VERDICT_ACCEPTED));
    enum cancel_answer answer;
    ck_ok(queue_cancel(p.s, id, &answer, &e));
    ck_assert_int_eq(number(p.s, "SELECT count(*) FROM callback"), 1);
    accept_one(p.s, 0, quiet);
    ck_ok(queue_cancel(p.s, quiet, &answer, &e));
    ck_assert_int_eq(number(p.s, "SELECT count(*) FROM callback"), 1);
    ck_assert(take(p.s, &c));
    ck_assert_str_eq(c.id, id);
    ck_assert_str_eq(c.url, "http://example.org/x");
    ck_assert_str_eq(c.host, "example.org:80");
    ck_assert_int_eq(c.key_id, 7);
    ck_assert_int_eq(c.attempts, 1);
    ck_assert(!take(p.s, &none)); /* it is taken */
}
END_TEST

START_TEST(a_cancel_and_used_up_attempts_are_ends_too)
{
    auto_place_ struct place p = place_new();
    struct err e;
    char cancelled[STORE_ID_BYTES], used_up[STORE_ID_BYTES];
    enum cancel_answer answer;
    struct claim claim;
    bool mine = false;
    accept_with(p.s, "https://[2001:db8::1]/", cancelled);
    ck_ok(queue_cancel(p.s, cancelled, &answer, &e));
    accept_with(p.s, "http://example.org:8080/", used_up);
    ck_assert(claim_one(p.s, &claim));
    ck_ok(queue_give_back(p.s, &claim, 1, "it died", &mine, &e));
    auto_callback_ struct callback one = look(p.s, cancelled), two = look(p.s, used_up);
    ck_assert_str_eq(one.host, "[2001:db8::1]:443");
    ck_assert_str_eq(two.host, "example.org:8080");
}
END_TEST

START_TEST(an_end_that_is_rolled_back_leaves_no_callback)
{
    auto_place_ struct place p = place_new();
    struct err e;
    char id[STORE_ID_BYTES];
    struct claim claim;
    bool mine = false;
    accept_with(p.s, "http://example.org/", id);
    ck_assert(claim_one(p.s, &claim));
    ck_ok(store_begin(p.s, STORE_DURABLE, &e));
    ck_ok(queue_finish(p.s, &claim, VERDICT_INTERNAL_ERROR, NULL, NULL, &mine, &e));
    store_rollback(p.s);
    ck_assert_int_eq(number(p.s, "SELECT count(*) FROM callback"), 0);
    ck_assert(finish(p.s, &claim, VERDICT_INTERNAL_ERROR));
    ck_assert_int_eq(number(p.s, "SELECT count(*) FROM callback"), 1);
}
END_TEST

START_TEST(what_was_sent_retried_and_failed_says_so)
{
    auto_place_ struct place p = place_new();
    struct err e;
    char id[STORE_ID_BYTES];
    end_with(p.s, "http://example.org/", id);
    auto_callback_ struct callback first = { 0 }, second = { 0 }, none = { 0 };
    int64_t next = 0;
    ck_assert(take(p.s, &first));
    ck_ok(callback_retry(p.s, id, 1, clock_unix_ms() + 50000, 503, "try later", &e));
    ck_assert(!take(p.s, &none));
    ck_ok(callback_next(p.s, &next, &e));
    ck_assert_int_gt(next, clock_unix_ms() + 40000);
    ck_ok(sql_exec(p.s, "UPDATE callback SET due_unix_ms = 0", &e));
    ck_assert(take(p.s, &second));
    ck_assert_int_eq(second.attempts, 2);
    ck_assert_str_eq(second.message, "try later");
    ck_ok(callback_sent(p.s, id, 1, 200, &e)); /* of the first try: too late to count */
    auto_callback_ struct callback still = look(p.s, id);
    ck_assert_int_eq(still.state, CALLBACK_PENDING);
    ck_ok(callback_failed(p.s, id, 2, 404, "no such page", &e));
    auto_callback_ struct callback failed = look(p.s, id);
    ck_assert_int_eq(failed.state, CALLBACK_FAILED);
    ck_assert_int_eq(failed.http_status, 404);
    ck_assert_str_eq(failed.message, "no such page");
    ck_assert_int_ge(failed.ended_unix_ms, failed.created_unix_ms);
    ck_ok(callback_next(p.s, &next, &e));
    ck_assert_int_eq(next, INT64_MAX);
}
END_TEST

START_TEST(a_sender_that_died_or_stopped_leaves_it_due_at_once)
{
    auto_place_ struct place p = place_new();
    struct err e;
    char id[STORE_ID_BYTES];
    int64_t count = 0;
    end_with(p.s, "http://example.org/", id);
    auto_callback_ struct callback died = { 0 }, stopped = { 0 }, again = { 0 };
    ck_assert(take(p.s, &died));
    ck_ok(callback_recover(p.s, &count, &e));
    ck_assert_int_eq(count, 1);
    ck_assert(take(p.s, &stopped));
    ck_assert_int_eq(stopped.attempts, 2); /* the try of who died counts */
    ck_ok(callback_put_back(p.s, id, 2, &e));
    ck_assert(take(p.s, &again));
    ck_assert_int_eq(again.attempts, 2); /* that of who stopped in good order does not */
    ck_ok(callback_sent(p.s, id, 2, 204, &e));
    ck_ok(callback_recover(p.s, &count, &e));
    ck_assert_int_eq(count, 0);
}
END_TEST

START_TEST(a_busy_host_is_passed_over)
{
    auto_place_ struct place p = place_new();
    struct err e;
    char slow[STORE_ID_BYTES], other[STORE_ID_BYTES];
    end_with(p.s, "http://slow.example/", slow);
    end_with(p.s, "http://other.example/", other);
    const char *const busy[] = { "slow.example:80" }, *const both[] = { busy[0],
                                                                        "other.example:80" };
    auto_callback_ struct callback c = { 0 };
    bool found = true;
    ck_ok(callback_take(p.s, 1000, both, 2, &c, &found, &e));
    ck_assert(!found);
    ck_ok(callback_take(p.s, 1000, busy, 1, &c, &found, &e));
    ck_assert(found);
    ck_assert_str_eq(c.id, other);
}
END_TEST

START_TEST(redelivery_begins_anew_with_the_same_id)
{
    auto_place_ struct place p = place_new();
    struct err e;
    char id[STORE_ID_BYTES];
    bool found = false;
    end_with(p.s, "http://example.org/", id);
    auto_callback_ struct callback first = { 0 }, second = { 0 };
    ck_assert(take(p.s, &first));
    ck_ok(callback_failed(p.s, id, 1, 0, "no answer", &e));
    ck_ok(callback_again(p.s, id, &found, &e));
    ck_assert(found);
    ck_assert(take(p.s, &second));
    ck_assert_str_eq(second.id, first.id);
    ck_assert_int_eq(second.attempts, 1);
    ck_assert_int_eq(second.ended_unix_ms, 0);
    ck_assert_int_ge(second.since_unix_ms, first.since_unix_ms);
    store_new_id(id);
    ck_ok(callback_again(p.s, id, &found, &e));
    ck_assert(!found);
}
END_TEST

START_TEST(lists_are_by_state_and_key_newest_first)
{
    auto_place_ struct place p = place_new();
    struct err e;
    char ids[3][STORE_ID_BYTES];
    for (size_t i = 0; i < 3; i++)
        end_with(p.s, "http://example.org/", ids[i]);
    auto_callback_ struct callback c = { 0 };
    ck_assert(take(p.s, &c));
    ck_ok(callback_failed(p.s, c.id, 1, 0, "x", &e));
    struct callback_filter f = { .key_id = -1, .limit = 10 };
    struct callback *rows = NULL;
    size_t count = 0;
    ck_ok(callback_list(p.s, &f, &rows, &count, &e));
    ck_assert_uint_eq(count, 3);
    ck_assert_str_eq(rows[0].id, ids[2]);
    callbacks_free(rows, count);
    f.state = CALLBACK_FAILED;
    ck_ok(callback_list(p.s, &f, &rows, &count, &e));
    ck_assert_uint_eq(count, 1);
    callbacks_free(rows, count);
    f = (struct callback_filter){ .key_id = 8, .limit = 10 };
    ck_ok(callback_list(p.s, &f, &rows, &count, &e));
    ck_assert_uint_eq(count, 0);
    callbacks_free(rows, count);
    f = (struct callback_filter){ .key_id = 7, .limit = 1, .before_id = ids[2] };
    ck_ok(callback_list(p.s, &f, &rows, &count, &e));
    ck_assert_uint_eq(count, 1);
    ck_assert_str_eq(rows[0].id, ids[1]);
    callbacks_free(rows, count);
    struct callback_counts counts;
    ck_ok(callback_counts(p.s, &counts, &e));
    ck_assert_int_eq(counts.pending, 2);
    ck_assert_int_eq(counts.failed, 1);
}
END_TEST

START_TEST(retention_waits_for_what_is_still_to_be_told)
{
    auto_place_ struct place p = place_new();
    struct err e;
    char id[STORE_ID_BYTES];
    int64_t deleted = -1;
    end_with(p.s, "http://example.org/", id);
    ck_ok(store_prune(p.s, INT64_MAX, 10, &deleted, &e));
    ck_assert_int_eq(deleted, 0);
    auto_callback_ struct callback c = { 0 };
    ck_assert(take(p.s, &c));
    ck_ok(callback_sent(p.s, id, 1, 200, &e));
    ck_ok(store_prune(p.s, INT64_MAX, 10, &deleted, &e));
    ck_assert_int_eq(deleted, 1);
    ck_assert_int_eq(number(p.s, "SELECT count(*) FROM callback"), 0);
    ck_consistent(p.s);
}
END_TEST

START_TEST(a_new_secret_leaves_the_old_one_its_grace)
{
    auto_place_ struct place p = place_new();
    struct err e;
    struct callback_secrets none, first, second, third;
    ck_ok(callback_secrets_load(p.s, 7, &none, &e));
    ck_assert(!none.found);
    ck_ok(callback_secret_new(p.s, 7, 60000, &first, &e));
    ck_assert_int_eq(first.previous_end_unix_ms, 0);
    ck_ok(callback_secret_new(p.s, 7, 60000, &second, &e));
    ck_assert_mem_ne(first.current, second.current, CALLBACK_SECRET_BYTES);
    ck_assert_mem_eq(second.previous, first.current, CALLBACK_SECRET_BYTES);
    ck_ok(callback_secrets_load(p.s, 7, &third, &e));
    ck_assert_mem_eq(third.current, second.current, CALLBACK_SECRET_BYTES);
    ck_assert_mem_eq(third.previous, first.current, CALLBACK_SECRET_BYTES);
    ck_assert_int_gt(third.previous_end_unix_ms, clock_unix_ms());
    ck_ok(callback_secret_new(p.s, 7, 0, &third, &e)); /* a leak: the old one ends now */
    ck_assert_int_eq(third.previous_end_unix_ms, 0);
    ck_ok(callback_secrets_load(p.s, 8, &none, &e));
    ck_assert(!none.found);
}
END_TEST

UNIT_MAIN("callback", the_end_of_a_submission_makes_exactly_one_callback,
          a_cancel_and_used_up_attempts_are_ends_too, an_end_that_is_rolled_back_leaves_no_callback,
          what_was_sent_retried_and_failed_says_so,
          a_sender_that_died_or_stopped_leaves_it_due_at_once, a_busy_host_is_passed_over,
          redelivery_begins_anew_with_the_same_id, lists_are_by_state_and_key_newest_first,
          retention_waits_for_what_is_still_to_be_told, a_new_secret_leaves_the_old_one_its_grace)
