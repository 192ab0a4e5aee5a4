/* test_queue.c - one submission's way and the order among many; one process. */
#include "tests/unit/schema/unit.h"

static enum submission_state state_of(struct store *s, const char *id)
{
    auto_report_ struct submission_report r = load(s, id);
    return r.sub.state;
}

START_TEST(an_empty_queue_has_nothing_to_claim)
{
    auto_place_ struct place p = place_new();
    struct claim c;
    ck_assert(!claim_one(p.s, &c));
}
END_TEST

START_TEST(a_submission_goes_from_queued_to_done)
{
    auto_place_ struct place p = place_new();
    struct err e;
    char id[STORE_ID_BYTES];
    struct claim c;
    bool mine = false;
    accept_one(p.s, 0, id);
    ck_assert_int_eq(state_of(p.s, id), SUBMISSION_QUEUED);
    ck_assert(claim_one(p.s, &c));
    ck_assert_str_eq(c.id, id);
    ck_assert_int_eq(c.attempt, 1);
    ck_assert_int_eq(state_of(p.s, id), SUBMISSION_CLAIMED);
    ck_ok(queue_advance(p.s, &c, SUBMISSION_COMPILING, &mine, &e));
    ck_assert(mine);
    ck_assert_int_eq(state_of(p.s, id), SUBMISSION_COMPILING);
    ck_ok(queue_advance(p.s, &c, SUBMISSION_RUNNING, &mine, &e));
    ck_ok(queue_advance(p.s, &c, SUBMISSION_RUNNING, &mine, &e)); /* again: no move */
    ck_assert_int_eq(state_of(p.s, id), SUBMISSION_RUNNING);
    ck_assert(finish(p.s, &c, VERDICT_ACCEPTED));
    auto_report_ struct submission_report r = load(p.s, id);
    ck_assert_int_eq(r.sub.state, SUBMISSION_DONE);
    ck_assert_int_eq(r.sub.verdict, VERDICT_ACCEPTED);
    ck_assert_int_eq(r.sub.attempts, 1);
    ck_assert_int_ge(r.sub.started_unix_ms, r.sub.created_unix_ms);
    ck_assert_int_ge(r.sub.finished_unix_ms, r.sub.started_unix_ms);
    ck_consistent(p.s);
}
END_TEST

START_TEST(a_move_that_is_not_in_the_table_is_refused)
{
    auto_place_ struct place p = place_new();
    struct err e;
    char id[STORE_ID_BYTES];
    struct claim c;
    bool mine = false;
    accept_one(p.s, 0, id);
    ck_assert(claim_one(p.s, &c));
    ck_ok(queue_advance(p.s, &c, SUBMISSION_RUNNING, &mine, &e));
    ck_fails(queue_advance(p.s, &c, SUBMISSION_COMPILING, &mine, &e), ERR_BUG,
             "cannot go from running to compiling");
    ck_fails(queue_advance(p.s, &c, SUBMISSION_DONE, &mine, &e), ERR_BUG, "to done");
    ck_assert_int_eq(state_of(p.s, id), SUBMISSION_RUNNING);
}
END_TEST

START_TEST(the_first_come_is_the_first_claimed)
{
    auto_place_ struct place p = place_new();
    char ids[20][STORE_ID_BYTES];
    struct claim c;
    for (size_t i = 0; i < ARRAY_COUNT(ids); i++)
        accept_one(p.s, 0, ids[i]);
    for (size_t i = 0; i < ARRAY_COUNT(ids); i++) {
        ck_assert(claim_one(p.s, &c));
        ck_assert_str_eq(c.id, ids[i]);
    }
    ck_assert(!claim_one(p.s, &c));
}
END_TEST

START_TEST(priority_goes_first)
{
    auto_place_ struct place p = place_new();
    char bulk[STORE_ID_BYTES], plain[STORE_ID_BYTES], urgent[STORE_ID_BYTES];
    struct claim c;
    accept_one(p.s, -100, bulk);
    accept_one(p.s, 0, plain);
    accept_one(p.s, 100, urgent);
    const char *const order[] = { urgent, plain, bulk };
    for (size_t i = 0; i < ARRAY_COUNT(order); i++) {
        ck_assert(claim_one(p.s, &c));
        ck_assert_str_eq(c.id, order[i]);
    }
}
END_TEST

START_TEST(a_minute_of_waiting_outweighs_a_point_of_priority)
{
    auto_place_ struct place p = place_new();
    struct err e;
    char patient[STORE_ID_BYTES], urgent[STORE_ID_BYTES];
    struct claim c;
    accept_one(p.s, 0, patient);
    ck_ok(sql_exec(p.s,
                   "UPDATE queue SET rank = rank - 601000; " /* ten minutes later ... */
                   "UPDATE key_use SET line_rank = line_rank - 601000",
                   &e));
    accept_one(p.s, 10, urgent);
    ck_assert(claim_one(p.s, &c));
    ck_assert_str_eq(c.id, patient);
}
END_TEST

START_TEST(a_priority_out_of_range_is_refused)
{
    auto_place_ struct place p = place_new();
    struct err e;
    char existing[STORE_ID_BYTES];
    auto_submission_ struct submission sub = request(p.s, 1);
    sub.priority = 101;
    ck_fails(queue_accept(p.s, &sub, existing, &e), ERR_INPUT, "priority: expected -100 to 100");
}
END_TEST

START_TEST(a_full_queue_is_busy_until_one_leaves)
{
    auto_place_ struct place p = place_empty();
    p.s = open_store(&p, (struct store_options){ .queue_count_max = 2 });
    struct err e;
    char id[STORE_ID_BYTES], existing[STORE_ID_BYTES];
    struct claim c;
    accept_one(p.s, 0, id);
    accept_one(p.s, 0, id);
    auto_submission_ struct submission sub = request(p.s, 1);
    ck_fails(queue_accept(p.s, &sub, existing, &e), ERR_BUSY, "queue is full");
    ck_assert(claim_one(p.s, &c));
    accept_it(p.s, &sub);
    ck_consistent(p.s);
}
END_TEST

START_TEST(the_same_idempotency_key_gives_the_same_submission)
{
    auto_place_ struct place p = place_empty();
    p.s = open_store(&p, (struct store_options){ .queue_count_max = 1 });
    struct err e;
    char existing[STORE_ID_BYTES];
    auto_submission_ struct submission sub = request(p.s, 1);
    sub.idempotency_key = xstrdup("again");
    sub.request_sha256[0] = 7;
    accept_it(p.s, &sub);
    auto_submission_ struct submission repeat = request(p.s, 1);
    repeat.idempotency_key = xstrdup("again");
    repeat.request_sha256[0] = 7;
    ck_ok(queue_accept(p.s, &repeat, existing, &e)); /* though the queue is full */
    ck_assert_str_eq(existing, sub.id);
    repeat.request_sha256[0] = 8;
    ck_fails(queue_accept(p.s, &repeat, existing, &e), ERR_INPUT, "idempotency_key: ");
    ck_assert_int_eq(number(p.s, "SELECT count(*) FROM submission"), 1);
    ck_consistent(p.s);
}
END_TEST

START_TEST(idempotency_keys_of_two_api_keys_do_not_meet)
{
    auto_place_ struct place p = place_new();
    for (int64_t key = 0; key < 3; key++) {
        auto_submission_ struct submission sub = request(p.s, 1);
        sub.idempotency_key = xstrdup("again");
        sub.key_id = key;
        accept_it(p.s, &sub);
    }
    ck_assert_int_eq(number(p.s, "SELECT count(*) FROM submission"), 3);
}
END_TEST

START_TEST(a_lost_lease_gives_the_submission_to_another_and_refuses_the_old_fence)
{
    auto_place_ struct place p = place_new();
    struct err e;
    char id[STORE_ID_BYTES];
    struct claim old, now;
    bool mine = true;
    accept_one(p.s, 0, id);
    ck_assert(claim_with(p.s, -1, 3, &old)); /* a lease that is over at once */
    ck_assert(claim_one(p.s, &now));
    ck_assert_str_eq(now.id, id);
    ck_assert_int_gt(now.fence, old.fence);
    ck_assert_int_eq(now.attempt, 2);
    const struct test_result t = { .cause = TEXT("none"), .verdict = VERDICT_ACCEPTED };
    const struct compile_result compile = { .cause = TEXT("none"), .verdict = VERDICT_ACCEPTED };
    ck_ok(queue_renew(p.s, &old, 1000, &mine, &e));
    ck_assert(!mine);
    ck_ok(queue_advance(p.s, &old, SUBMISSION_RUNNING, &mine, &e));
    ck_assert(!mine);
    ck_ok(record_one_compile(p.s, &old, "1", &compile, &mine, &e));
    ck_assert(!mine);
    ck_ok(record_one_test(p.s, &old, &t, &mine, &e));
    ck_assert(!mine);
    ck_ok(queue_give_back(p.s, &old, 3, "", &mine, &e));
    ck_assert(!mine);
    ck_assert(!finish(p.s, &old, VERDICT_WRONG_ANSWER));
    ck_assert_int_eq(state_of(p.s, id), SUBMISSION_CLAIMED);
    ck_assert_int_eq(number(p.s, "SELECT count(*) FROM test_result"), 0);
    ck_ok(queue_advance(p.s, &now, SUBMISSION_RUNNING, &mine, &e));
    ck_assert(finish(p.s, &now, VERDICT_ACCEPTED));
    ck_consistent(p.s);
}
END_TEST

START_TEST(a_renewed_lease_is_not_lost)
{
    auto_place_ struct place p = place_new();
    struct err e;
    char id[STORE_ID_BYTES];
    struct claim c, other;
    bool mine = false;
    accept_one(p.s, 0, id);
    ck_assert(claim_with(p.s, -1, 3, &c));
    ck_ok(queue_renew(p.s, &c, 60000, &mine, &e)); /* over, but nobody has taken it */
    ck_assert(mine);
    ck_assert(!claim_one(p.s, &other));
    ck_assert(finish(p.s, &c, VERDICT_ACCEPTED));
}
END_TEST

START_TEST(a_lease_from_before_the_clock_was_set_back_is_lost)
{
    auto_place_ struct place p = place_new();
    char id[STORE_ID_BYTES];
    struct claim old, now;
    accept_one(p.s, 0, id);
    ck_assert(claim_with(p.s, INT64_C(365) * 86400 * 1000, 3, &old)); /* as if it were next year */
    ck_assert(claim_one(p.s, &now));
    ck_assert_int_gt(now.fence, old.fence);
    ck_assert(!finish(p.s, &old, VERDICT_ACCEPTED));
    ck_assert(finish(p.s, &now, VERDICT_ACCEPTED));
}
END_TEST

START_TEST(an_orderly_stop_of_its_slot_costs_no_attempt)
{
    auto_place_ struct place p = place_new();
    struct err e;
    char id[STORE_ID_BYTES];
    struct claim c;
    bool mine = false;
    int64_t fence = 0;
    accept_one(p.s, 0, id);
    for (int i = 0; i < 5; i++) {
        ck_assert(claim_with(p.s, 1000, 3, &c));
        ck_assert_int_eq(c.attempt, 1);
        ck_assert_int_gt(c.fence, fence);
        fence = c.fence;
        ck_ok(queue_give_back(p.s, &c, QUEUE_UNCOUNTED, "stopped", &mine, &e));
        ck_assert(mine);
    }
    ck_consistent(p.s);
}
END_TEST

START_TEST(a_submission_that_kills_its_judges_ends_as_internal_error)
{
    auto_place_ struct place p = place_new();
    char bad[STORE_ID_BYTES], good[STORE_ID_BYTES];
    struct claim c;
    accept_one(p.s, 1, bad);
    accept_one(p.s, 0, good);
    for (int attempt = 1; attempt <= 3; attempt++) {
        ck_assert(claim_with(p.s, -1, 3, &c));
        ck_assert_str_eq(c.id, bad);
        ck_assert_int_eq(c.attempt, attempt);
    }
    ck_assert(claim_with(p.s, 1000, 3, &c));
    ck_assert_str_eq(c.id, good); /* and the claimer goes on to the next */
    auto_report_ struct submission_report r = load(p.s, bad);
    ck_assert_int_eq(r.sub.state, SUBMISSION_DONE);
    ck_assert_int_eq(r.sub.verdict, VERDICT_INTERNAL_ERROR);
    ck_assert_int_eq(r.sub.attempts, 3);
    ck_assert_has(r.message, "stopped answering");
    ck_consistent(p.s);
}
END_TEST

struct heard {
    struct store *other; /* sees what is committed */
    size_t count;
    enum submission_state states[4];
};

static void hear(void *ctx, const char *id)
{
    struct heard *h = ctx;
    auto_report_ struct submission_report r = load(h->other, id);
    h->states[h->count++] = r.sub.state;
}

START_TEST(whom_a_claim_puts_back_or_ends_is_told_after_the_commit)
{
    auto_place_ struct place p = place_new();
    struct heard heard = { .other = open_store(&p, (struct store_options){ 0 }) };
    struct claim c;
    char id[STORE_ID_BYTES];
    accept_one(p.s, 0, id);
    queue_on_moved(p.s, hear, &heard);
    ck_assert(claim_with(p.s, 1, 2, &c));
    ck_assert_uint_eq(heard.count, 0);
    usleep(3000);
    ck_assert(claim_with(p.s, 1, 2, &c)); /* put back, and claimed again */
    ck_assert_uint_eq(heard.count, 1);
    usleep(3000);
    ck_assert(!claim_with(p.s, 1, 2, &c));
    ck_assert_uint_eq(heard.count, 2);
    accept_one(p.s, 0, id);
    ck_assert(!claim_with(p.s, 1, 0, &c)); /* no attempt is left to it */
    ck_assert_uint_eq(heard.count, 3);
    ck_assert_int_eq(heard.states[0], SUBMISSION_QUEUED);
    ck_assert_int_eq(heard.states[1], SUBMISSION_DONE);
    ck_assert_int_eq(heard.states[2], SUBMISSION_DONE);
    store_close(heard.other);
}
END_TEST

START_TEST(attempts_that_were_lowered_end_what_waits)
{
    auto_place_ struct place p = place_new();
    struct err e;
    char id[STORE_ID_BYTES];
    struct claim c;
    bool mine = false;
    accept_one(p.s, 0, id);
    ck_assert(claim_one(p.s, &c));
    ck_ok(queue_give_back(p.s, &c, 3, "host trouble", &mine, &e));
    ck_assert(!claim_with(p.s, 1000, 1, &c));
    ck_assert_int_eq(state_of(p.s, id), SUBMISSION_DONE);
    ck_consistent(p.s);
}
END_TEST

START_TEST(what_is_given_back_begins_anew_until_its_attempts_are_used_up)
{
    auto_place_ struct place p = place_new();
    struct err e;
    char id[STORE_ID_BYTES];
    struct claim c;
    bool mine = false;
    const struct test_result t = { .cause = TEXT("none"),
                                   .verdict = VERDICT_ACCEPTED,
                                   .stdout_kept = { .blob = put(p.s, "out") } };
    accept_one(p.s, 0, id);
    for (int attempt = 1; attempt <= 2; attempt++) {
        ck_assert(claim_one(p.s, &c));
        ck_ok(queue_advance(p.s, &c, SUBMISSION_RUNNING, &mine, &e));
        ck_ok(record_one_test(p.s, &c, &t, &mine, &e));
        ck_ok(queue_give_back(p.s, &c, 2, "the keeper died", &mine, &e));
        ck_assert(mine);
        ck_assert_int_eq(number(p.s, "SELECT count(*) FROM test_result"), 0);
        ck_consistent(p.s);
    }
    ck_assert(!claim_one(p.s, &c));
    auto_report_ struct submission_report r = load(p.s, id);
    ck_assert_int_eq(r.sub.verdict, VERDICT_INTERNAL_ERROR);
    ck_assert_str_eq(r.message, "the keeper died");
}
END_TEST

START_TEST(cancel_answers_for_each_state)
{
    auto_place_ struct place p = place_new();
    struct err e;
    char queued[STORE_ID_BYTES], done[STORE_ID_BYTES], none[STORE_ID_BYTES];
    enum cancel_answer answer;
    struct claim c;
    accept_one(p.s, 0, done);
    ck_assert(claim_one(p.s, &c));
    ck_assert(finish(p.s, &c, VERDICT_COMPILE_ERROR));
    accept_one(p.s, 0, queued);
    store_new_id(none);
    ck_ok(queue_cancel(p.s, none, &answer, &e));
    ck_assert_int_eq(answer, CANCEL_NOT_FOUND);
    ck_ok(queue_cancel(p.s, done, &answer, &e));
    ck_assert_int_eq(answer, CANCEL_DONE_ALREADY);
    ck_ok(queue_cancel(p.s, queued, &answer, &e));
    ck_assert_int_eq(answer, CANCEL_CANCELLED);
    ck_ok(queue_cancel(p.s, queued, &answer, &e));
    ck_assert_int_eq(answer, CANCEL_CANCELLED_ALREADY);
    ck_assert(!claim_one(p.s, &c));
    ck_consistent(p.s);
}
END_TEST

START_TEST(after_a_cancel_the_holder_cannot_finish)
{
    auto_place_ struct place p = place_new();
    struct err e;
    char id[STORE_ID_BYTES];
    enum cancel_answer answer;
    struct claim c;
    bool mine = true;
    accept_one(p.s, 0, id);
    ck_assert(claim_one(p.s, &c));
    ck_ok(queue_advance(p.s, &c, SUBMISSION_RUNNING, &mine, &e));
    ck_ok(queue_cancel(p.s, id, &answer, &e));
    ck_assert_int_eq(answer, CANCEL_CANCELLED);
    ck_ok(queue_renew(p.s, &c, 1000, &mine, &e));
    ck_assert(!mine);
    ck_assert(!finish(p.s, &c, VERDICT_ACCEPTED));
    auto_report_ struct submission_report r = load(p.s, id);
    ck_assert_int_eq(r.sub.state, SUBMISSION_CANCELLED);
    ck_assert_int_eq(r.sub.verdict, VERDICT_CANCELLED);
    ck_consistent(p.s);
}
END_TEST

START_TEST(a_verdict_never_changes)
{
    auto_place_ struct place p = place_new();
    char id[STORE_ID_BYTES];
    struct claim c;
    accept_one(p.s, 0, id);
    ck_assert(claim_one(p.s, &c));
    ck_assert(finish(p.s, &c, VERDICT_COMPILE_ERROR));
    ck_assert(!finish(p.s, &c, VERDICT_ACCEPTED));
    auto_report_ struct submission_report r = load(p.s, id);
    ck_assert_int_eq(r.sub.verdict, VERDICT_COMPILE_ERROR);
}
END_TEST

START_TEST(a_test_recorded_twice_counts_once)
{
    auto_place_ struct place p = place_new();
    struct err e;
    char id[STORE_ID_BYTES];
    struct claim c;
    bool mine = false;
    struct test_result t = { .cause = TEXT("none"), .verdict = VERDICT_WRONG_ANSWER };
    accept_one(p.s, 0, id);
    ck_assert(claim_one(p.s, &c));
    t.stdout_kept.blob = put(p.s, "first");
    ck_ok(record_one_test(p.s, &c, &t, &mine, &e));
    t.stdout_kept.blob = put(p.s, "second");
    ck_ok(record_one_test(p.s, &c, &t, &mine, &e));
    ck_consistent(p.s);
    auto_report_ struct submission_report r = load(p.s, id);
    ck_assert_uint_eq(r.result_count, 1);
    ck_assert_int_eq(r.results[0].stdout_kept.blob.bytes, 6);
}
END_TEST

START_TEST(statistics_count_what_waits_and_what_runs)
{
    auto_place_ struct place p = place_new();
    struct err e;
    char id[STORE_ID_BYTES];
    struct claim c;
    struct queue_stats stats;
    ck_ok(queue_stats(p.s, &stats, &e));
    ck_assert_int_eq(stats.queued_count + stats.running_count + stats.oldest_queued_unix_ms, 0);
    int64_t now_unix_ms = clock_unix_ms();
    for (int i = 0; i < 3; i++)
        accept_one(p.s, 0, id);
    ck_assert(claim_with(p.s, 60000, 3, &c));
    ck_ok(queue_stats(p.s, &stats, &e));
    ck_assert_int_eq(stats.queued_count, 2);
    ck_assert_int_eq(stats.running_count, 1);
    ck_assert_int_ge(stats.oldest_queued_unix_ms, now_unix_ms);
    ck_assert_int_ge(stats.next_lease_end_unix_ms, now_unix_ms + 60000);
}
END_TEST

/* The plan of a query holds a text and no scan or sort. */
static void ck_plan(struct store *s, const char *sql, const char *index)
{
    struct err e;
    auto_free_ char *explain = xasprintf("EXPLAIN QUERY PLAN %s", sql);
    auto_stmt_ struct stmt *q = sql_use_once(s, explain);
    bool found = false;
    ck_ok(sql_row(q, &found, &e));
    ck_assert(found);
    sql_int(q);
    sql_int(q);
    sql_int(q);
    auto_free_ char *detail = sql_text(q);
    ck_assert_has(detail, index);
    ck_ok(sql_row(q, &found, &e));
    ck_assert_msg(!found, "a second step, such as a sort, after: %s", detail);
}

START_TEST(a_claim_looks_at_one_row_however_many_wait)
{
    auto_place_ struct place p = place_new();
    ck_plan(p.s, "SELECT id FROM queue WHERE state = 1 AND key_id = ? ORDER BY rank, id LIMIT 1",
            "queue_next");
    ck_plan(p.s,
            "SELECT line_id FROM key_use WHERE line_rank IS NOT NULL "
            "ORDER BY line_rank, line_id LIMIT 1",
            "key_line");
    ck_plan(p.s,
            "SELECT id FROM blob WHERE refs = 0 AND last_put_unix_ms < ? "
            "ORDER BY last_put_unix_ms LIMIT 1",
            "blob_unused");
    ck_plan(p.s,
            "SELECT seq FROM submission WHERE finished_unix_ms < ? "
            "ORDER BY finished_unix_ms LIMIT 1",
            "submission_finished");
    ck_plan(p.s, "SELECT id FROM submission WHERE key_id = ? AND idempotency_key = ?",
            "submission_idempotency");
}
END_TEST

UNIT_MAIN("queue", an_empty_queue_has_nothing_to_claim, a_submission_goes_from_queued_to_done,
          a_move_that_is_not_in_the_table_is_refused, the_first_come_is_the_first_claimed,
          priority_goes_first, a_minute_of_waiting_outweighs_a_point_of_priority,
          a_priority_out_of_range_is_refused, a_full_queue_is_busy_until_one_leaves,
          the_same_idempotency_key_gives_the_same_submission,
          idempotency_keys_of_two_api_keys_do_not_meet,
          a_lost_lease_gives_the_submission_to_another_and_refuses_the_old_fence,
          a_renewed_lease_is_not_lost, a_lease_from_before_the_clock_was_set_back_is_lost,
          an_orderly_stop_of_its_slot_costs_no_attempt,
          a_submission_that_kills_its_judges_ends_as_internal_error,
          whom_a_claim_puts_back_or_ends_is_told_after_the_commit,
          attempts_that_were_lowered_end_what_waits,
          what_is_given_back_begins_anew_until_its_attempts_are_used_up,
          cancel_answers_for_each_state, after_a_cancel_the_holder_cannot_finish,
          a_verdict_never_changes, a_test_recorded_twice_counts_once,
          statistics_count_what_waits_and_what_runs, a_claim_looks_at_one_row_however_many_wait)
