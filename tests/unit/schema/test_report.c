/* test_report.c - what is written comes back whole, and lists find what they should; one process.
 */
#include "tests/unit/schema/unit.h"

static struct submission rich_request(struct store *s)
{
    struct submission sub = request(s, 3);
    sub.key_id = 42;
    sub.entry_point = xstrdup("Main");
    sub.files = xrealloc(sub.files, 2 * sizeof *sub.files);
    sub.files[sub.file_count++] = (struct source_file){ xstrdup("w\xff.h"), put(s, "") };
    sub.comparer = (struct comparer){ COMPARER_FLOATS, 1e-9, 0.25, false };
    sub.stop_on_failure = true;
    sub.priority = -7;
    sub.metadata_json = xstrdup("{\"a\":\"\xc3\xa9\"}");
    sub.request_sha256[31] = 9;
    sub.tests[0].stdin_blob = (struct blob){ 0 };
    sub.tests[1].expected_output = put(s, "3\n");
    for (size_t i = 0; i < limits_count; i++)
        *limits_at(&sub.tests[2].limits, &limits_table[i]) = (int64_t)i + 1000;
    return sub;
}

START_TEST(a_request_comes_back_as_it_was_given)
{
    auto_place_ struct place p = place_new();
    struct err e;
    bool found = false;
    auto_submission_ struct submission in = rich_request(p.s), out = { 0 };
    in.idempotency_key = xstrdup("k");
    accept_it(p.s, &in);
    ck_ok(submission_load(p.s, in.id, &out, &found, &e));
    ck_assert(found);
    ck_assert_str_eq(out.id, in.id);
    ck_assert_int_eq(out.key_id, 42);
    ck_assert_str_eq(out.language, "c");
    ck_assert_str_eq(out.entry_point, "Main");
    ck_assert_str_eq(out.idempotency_key, "k");
    ck_assert_str_eq(out.metadata_json, in.metadata_json);
    ck_assert_mem_eq(out.request_sha256, in.request_sha256, sizeof in.request_sha256);
    ck_assert_int_eq(out.comparer.type, COMPARER_FLOATS);
    ck_assert_mem_eq(&out.comparer.absolute, &in.comparer.absolute, sizeof(double));
    ck_assert_mem_eq(&out.comparer.relative, &in.comparer.relative, sizeof(double));
    ck_assert(!out.comparer.case_sensitive);
    ck_assert(out.stop_on_failure);
    ck_assert_int_eq(out.priority, -7);
    ck_assert_uint_eq(out.file_count, 2);
    ck_assert_str_eq(out.files[1].name, "w\xff.h");
    ck_assert(out.files[1].content.present);
    ck_assert_uint_eq(out.test_count, 3);
    ck_assert(!out.tests[0].stdin_blob.present);
    ck_assert(!out.tests[0].expected_output.present);
    ck_assert_mem_eq(&out.tests[1].expected_output, &in.tests[1].expected_output,
                     sizeof(struct blob));
    ck_assert_str_eq(out.tests[2].name, "3");
    ck_assert_mem_eq(&out.tests[2].limits, &in.tests[2].limits, sizeof(struct limits));
}
END_TEST

START_TEST(a_submission_that_does_not_exist_is_not_found)
{
    auto_place_ struct place p = place_new();
    struct err e;
    struct submission_report r;
    bool found = true;
    char id[STORE_ID_BYTES];
    store_new_id(id);
    ck_ok(report_load(p.s, id, &r, &found, &e));
    ck_assert(!found);
    ck_ok(report_load(p.s, "' OR 1=1 --", &r, &found, &e));
    ck_assert(!found);
}
END_TEST

static const struct usage some_usage = { 1, 2, 3, 4, 5, -1, 7 };

static void judge(struct store *s, const struct claim *c)
{
    struct err e;
    bool mine = false;
    const struct compile_result compile = {
        .present = true,
        .verdict = VERDICT_ACCEPTED,
        .cause = TEXT("none"),
        .cached = true,
        .usage = some_usage,
        .output = { put(s, "warning"), 7, 7, false },
    };
    const struct test_result t = {
        .index = 1,
        .verdict = VERDICT_RUNTIME_ERROR,
        .cause = TEXT("none"),
        .exit_code = -1,
        .signal = 11,
        .usage = some_usage,
        .runs = { 3, 10, 20, 40 },
        .stdout_kept = { put(s, "headtail"), 1000, 4, true },
        .message = TEXT("died"),
    };
    ck_ok(record_one_compile(s, c, "12.2.0", &compile, &mine, &e));
    ck_assert(mine);
    ck_ok(queue_advance(s, c, SUBMISSION_RUNNING, &mine, &e));
    ck_ok(record_one_test(s, c, &t, &mine, &e));
    ck_assert(mine);
}

START_TEST(a_result_comes_back_as_it_was_recorded_and_the_rest_is_skipped)
{
    auto_place_ struct place p = place_new();
    struct err e;
    struct claim c;
    bool mine = false;
    auto_submission_ struct submission sub = rich_request(p.s);
    accept_it(p.s, &sub);
    ck_assert(claim_one(p.s, &c));
    judge(p.s, &c);
    struct submission_report partial = load(p.s, sub.id);
    ck_assert_uint_eq(partial.result_count, 1);
    ck_assert_ptr_null(partial.isolation_json);
    report_done(&partial);
    ck_ok(queue_finish(p.s, &c, VERDICT_RUNTIME_ERROR, "see test 2", "{\"x\":1}", &mine, &e));
    auto_report_ struct submission_report r = load(p.s, sub.id);
    ck_assert_str_eq(r.language_version, "12.2.0");
    ck_assert_str_eq(r.message, "see test 2");
    ck_assert_str_eq(r.isolation_json, "{\"x\":1}");
    ck_assert(r.compile.present && r.compile.cached);
    ck_assert_mem_eq(&r.compile.usage, &some_usage, sizeof some_usage);
    ck_assert_int_eq(r.compile.output.blob.bytes, 7);
    ck_assert_uint_eq(r.result_count, 3);
    const struct test_result *t = &r.results[1];
    ck_assert_int_eq(t->verdict, VERDICT_RUNTIME_ERROR);
    ck_assert_int_eq(t->signal, 11);
    ck_assert_int_eq(t->exit_code, -1);
    ck_assert_str_eq(t->message, "died");
    ck_assert_mem_eq(&t->usage, &some_usage, sizeof some_usage);
    ck_assert_int_eq(t->runs.count, 3);
    ck_assert_int_eq(t->runs.cpu_time_min_ns, 10);
    ck_assert_int_eq(t->runs.cpu_time_median_ns, 20);
    ck_assert_int_eq(t->runs.cpu_time_max_ns, 40);
    ck_assert_int_eq(r.results[0].runs.count, 0);
    ck_assert_int_eq(t->stdout_kept.bytes, 1000);
    ck_assert_int_eq(t->stdout_kept.head_bytes, 4);
    ck_assert(t->stdout_kept.truncated);
    ck_assert(!t->stderr_kept.blob.present);
    for (size_t i = 0; i < 3; i += 2) {
        ck_assert_int_eq(r.results[i].index, (int64_t)i);
        ck_assert_int_eq(r.results[i].verdict, VERDICT_SKIPPED);
        ck_assert_str_eq(r.results[i].cause, "none");
    }
    ck_consistent(p.s);
}
END_TEST

START_TEST(phases_are_those_of_the_attempt_that_ended_it)
{
    auto_place_ struct place p = place_new();
    struct err e;
    struct claim c, late;
    bool mine = false;
    const struct phases first = { true, 1, 2, 3, 4 }, last = { true, 5, 6, 7, 8 };
    const struct attempt early = { .verdict = VERDICT_WRONG_ANSWER, .phases = &first };
    const struct attempt again = { .verdict = VERDICT_ACCEPTED, .phases = &last };
    auto_submission_ struct submission sub = request(p.s, 1);
    accept_it(p.s, &sub);
    ck_assert(claim_one(p.s, &late));
    ck_ok(queue_give_back(p.s, &late, 3, "again", &mine, &e));
    ck_assert(claim_one(p.s, &c));
    ck_ok(queue_record(p.s, &late, &early, &mine, &e));
    ck_assert(!mine);
    ck_ok(queue_record(p.s, &c, &again, &mine, &e));
    ck_assert(mine);
    auto_report_ struct submission_report r = load(p.s, sub.id);
    ck_assert(r.phases.present);
    ck_assert_int_eq(r.sub.verdict, VERDICT_ACCEPTED);
    ck_assert_int_eq(r.phases.prepare_ns, 5);
    ck_assert_int_eq(r.phases.compile_ns, 6);
    ck_assert_int_eq(r.phases.run_ns, 7);
    ck_assert_int_eq(r.phases.collect_ns, 8);
}
END_TEST

START_TEST(an_isolation_whose_first_record_was_rolled_back_is_recorded_anew)
{
    static const char json[] = "{\"of\":\"this test\"}";
    const struct attempt a = { .verdict = VERDICT_ACCEPTED, .isolation_json = json };
    auto_place_ struct place p = place_new();
    struct err e;
    bool mine = false;
    for (int i = 0; i < 3; i++) {
        struct claim c;
        auto_submission_ struct submission sub = request(p.s, 1);
        accept_it(p.s, &sub);
        ck_assert(claim_one(p.s, &c));
        ck_ok(store_begin(p.s, STORE_DURABLE, &e));
        ck_ok(queue_record(p.s, &c, &a, &mine, &e));
        store_rollback(p.s);
        if (i == 0) /* takes the row that was given back */
            (void)put(p.s, "something else");
        ck_ok(queue_record(p.s, &c, &a, &mine, &e));
        ck_assert(mine);
        auto_report_ struct submission_report r = load(p.s, sub.id);
        ck_assert_str_eq(r.isolation_json, json);
    }
    ck_consistent(p.s);
}
END_TEST

START_TEST(ten_thousand_tests_are_one_submission)
{
    auto_place_ struct place p = place_new();
    struct claim c;
    auto_submission_ struct submission sub = request(p.s, 10000);
    accept_it(p.s, &sub);
    ck_assert(claim_one(p.s, &c));
    ck_assert(finish(p.s, &c, VERDICT_COMPILE_ERROR));
    auto_report_ struct submission_report r = load(p.s, sub.id);
    ck_assert_uint_eq(r.result_count, 10000);
    ck_assert_str_eq(r.sub.tests[9999].name, "10000");
    ck_consistent(p.s);
}
END_TEST

/* ---- lists */

static size_t count_of(struct store *s, const struct submission_filter *f,
                       char ret_first[STORE_ID_BYTES])
{
    struct err e;
    struct submission_row *rows = NULL;
    size_t count = 0;
    ck_ok(submission_list(s, f, &rows, &count, &e));
    if (count > 0)
        memcpy(ret_first, rows[0].id, STORE_ID_BYTES);
    for (size_t i = 1; i < count; i++)
        ck_assert_int_gt(strcmp(rows[i - 1].id, rows[i].id), 0);
    submission_rows_free(rows, count);
    return count;
}

/* Six submissions: two queued, one claimed, one running, one accepted, one cancelled. */
static void populate(struct store *s, char ids[6][STORE_ID_BYTES])
{
    struct err e;
    struct claim c;
    bool mine = false;
    enum cancel_answer answer;
    for (int64_t i = 0; i < 6; i++) {
        auto_submission_ struct submission sub = request(s, 1);
        sub.key_id = i % 2;
        free(sub.language);
        sub.language = xstrdup(i < 3 ? "c" : "python3");
        accept_it(s, &sub);
        memcpy(ids[i], sub.id, STORE_ID_BYTES);
    }
    ck_assert(claim_one(s, &c));
    ck_assert(finish(s, &c, VERDICT_ACCEPTED));
    ck_ok(queue_cancel(s, ids[1], &answer, &e));
    ck_assert(claim_one(s, &c));
    ck_assert(claim_one(s, &c));
    ck_ok(queue_advance(s, &c, SUBMISSION_RUNNING, &mine, &e));
}

START_TEST(lists_filter_by_state)
{
    static const size_t wanted[] = { 6, 2, 1, 0, 1, 1, 1 }; /* by enum submission_state */
    auto_place_ struct place p = place_new();
    char ids[6][STORE_ID_BYTES], first[STORE_ID_BYTES];
    populate(p.s, ids);
    for (size_t i = 0; i < ARRAY_COUNT(wanted); i++) {
        struct submission_filter f = { .key_id = -1, .state = (int)i, .limit = 10 };
        ck_assert_uint_eq(count_of(p.s, &f, first), wanted[i]);
    }
}
END_TEST

START_TEST(lists_filter_by_key_verdict_and_language_together)
{
    auto_place_ struct place p = place_new();
    char ids[6][STORE_ID_BYTES], first[STORE_ID_BYTES];
    populate(p.s, ids);
    struct submission_filter f = { .key_id = 1, .limit = 10 };
    ck_assert_uint_eq(count_of(p.s, &f, first), 3);
    f.language = "c";
    ck_assert_uint_eq(count_of(p.s, &f, first), 1);
    f.verdict = VERDICT_CANCELLED;
    ck_assert_uint_eq(count_of(p.s, &f, first), 1);
    ck_assert_str_eq(first, ids[1]);
    f.verdict = VERDICT_ACCEPTED;
    ck_assert_uint_eq(count_of(p.s, &f, first), 0);
    f.state = SUBMISSION_CANCELLED; /* and accepted: there is no such */
    ck_assert_uint_eq(count_of(p.s, &f, first), 0);
}
END_TEST

START_TEST(pages_follow_each_other_without_gap_or_overlap)
{
    auto_place_ struct place p = place_new();
    char ids[6][STORE_ID_BYTES], last[STORE_ID_BYTES];
    populate(p.s, ids);
    struct submission_filter f = { .key_id = -1, .limit = 1 };
    for (size_t i = ARRAY_COUNT(ids); i-- > 0;) {
        ck_assert_uint_eq(count_of(p.s, &f, last), 1);
        ck_assert_str_eq(last, ids[i]);
        f.before_id = ids[i];
    }
    ck_assert_uint_eq(count_of(p.s, &f, last), 0);
}
END_TEST

START_TEST(a_row_of_a_list_shows_what_is_known)
{
    auto_place_ struct place p = place_new();
    struct err e;
    struct claim c;
    struct submission_row *rows = NULL;
    size_t count = 0;
    auto_submission_ struct submission sub = rich_request(p.s);
    accept_it(p.s, &sub);
    ck_assert(claim_one(p.s, &c));
    judge(p.s, &c);
    const struct submission_filter f = { .key_id = 42, .limit = 10 };
    ck_ok(submission_list(p.s, &f, &rows, &count, &e));
    ck_assert_uint_eq(count, 1);
    ck_assert_str_eq(rows[0].language_version, "12.2.0");
    ck_assert_str_eq(rows[0].metadata_json, sub.metadata_json);
    ck_assert_int_eq(rows[0].state, SUBMISSION_RUNNING);
    ck_assert_int_eq(rows[0].verdict, VERDICT_NONE);
    ck_assert_int_eq(rows[0].priority, -7);
    ck_assert_int_eq(rows[0].test_count, 3);
    ck_assert_int_eq(rows[0].attempts, 1);
    ck_assert_int_gt(rows[0].started_unix_ms, 0);
    ck_assert_int_eq(rows[0].finished_unix_ms, 0);
    submission_rows_free(rows, count);
}
END_TEST

START_TEST(a_list_of_no_or_too_many_rows_is_refused)
{
    auto_place_ struct place p = place_new();
    struct err e;
    struct submission_row *rows = NULL;
    size_t count = 0;
    struct submission_filter f = { .key_id = -1, .limit = 0 };
    ck_fails(submission_list(p.s, &f, &rows, &count, &e), ERR_INPUT, "limit: expected 1 to 1000");
    f.limit = 1001;
    ck_fails(submission_list(p.s, &f, &rows, &count, &e), ERR_INPUT, "1001");
}
END_TEST

START_TEST(a_status_is_that_of_the_report_at_every_step)
{
    static const enum submission_state wanted[] = { SUBMISSION_DONE,    SUBMISSION_CANCELLED,
                                                    SUBMISSION_CLAIMED, SUBMISSION_RUNNING,
                                                    SUBMISSION_QUEUED,  SUBMISSION_QUEUED };
    static const enum verdict verdicts[] = { VERDICT_ACCEPTED, VERDICT_CANCELLED };
    auto_place_ struct place p = place_new();
    struct err e;
    struct submission_status status;
    bool found = false;
    char ids[6][STORE_ID_BYTES];
    populate(p.s, ids);
    for (size_t i = 0; i < ARRAY_COUNT(wanted); i++) {
        ck_ok(submission_status(p.s, ids[i], &status, &found, &e));
        ck_assert(found);
        ck_assert_int_eq(status.state, wanted[i]);
        ck_assert_int_eq(status.verdict, i < 2 ? verdicts[i] : VERDICT_NONE);
        ck_assert_int_eq(status.key_id, (int64_t)i % 2);
    }
    ck_ok(submission_status(p.s, "01M80XWCPED8030683HJSKDAY0", &status, &found, &e));
    ck_assert(!found);
    ck_ok(submission_status(p.s, "x' OR 1", &status, &found, &e));
    ck_assert(!found);
}
END_TEST

START_TEST(ended_submissions_are_counted_by_verdict)
{
    auto_place_ struct place p = place_new();
    struct err e;
    struct verdict_counts counts;
    char ids[6][STORE_ID_BYTES];
    int64_t deleted = 0;
    ck_ok(verdict_counts(p.s, &counts, &e));
    ck_assert_int_eq(counts.by_verdict[VERDICT_ACCEPTED], 0);
    populate(p.s, ids);
    ck_ok(store_prune(p.s, clock_unix_ms() + 1000, 100, &deleted, &e));
    ck_assert_int_eq(deleted, 2);
    ck_ok(verdict_counts(p.s, &counts, &e)); /* since the database was made */
    ck_assert_int_eq(counts.by_verdict[VERDICT_ACCEPTED], 1);
    ck_assert_int_eq(counts.by_verdict[VERDICT_CANCELLED], 1);
    ck_assert_int_eq(counts.by_verdict[VERDICT_WRONG_ANSWER], 0);
}
END_TEST

UNIT_MAIN("report", a_request_comes_back_as_it_was_given,
          a_submission_that_does_not_exist_is_not_found,
          a_result_comes_back_as_it_was_recorded_and_the_rest_is_skipped,
          phases_are_those_of_the_attempt_that_ended_it,
          an_isolation_whose_first_record_was_rolled_back_is_recorded_anew,
          ten_thousand_tests_are_one_submission, lists_filter_by_state,
          lists_filter_by_key_verdict_and_language_together,
          pages_follow_each_other_without_gap_or_overlap, a_row_of_a_list_shows_what_is_known,
          a_list_of_no_or_too_many_rows_is_refused, a_status_is_that_of_the_report_at_every_step,
          ended_submissions_are_counted_by_verdict)
