/* test_encode.c - reports to JSON; one process, a store in a folder of its own. */
#include "tests/unit/schema/unit.h"

#include "server/encode.h"
#include "tests/unit/server/unit.h"

static json_t *encoded(const struct place *p, const struct submission_report *r, const char *fields)
{
    struct fields only;
    char bad[FIELDS_NAME_BYTES];
    struct err e;
    auto_buf_ struct buf b = { 0 };
    ck_assert(fields_parse(fields, &only, bad));
    ck_ok(encode_report(p->s, r, &only, &b, &e));
    json_t *j = json_loadb(buf_text(&b), b.len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
    ck_assert_msg(j != NULL, "%s", buf_text(&b));
    return j;
}

static struct kept_output kept(struct store *s, const char *bytes, size_t len, int64_t all,
                               int64_t head)
{
    struct err e;
    struct kept_output k = { .bytes = all, .head_bytes = head, .truncated = all != (int64_t)len };
    ck_ok(blob_put(s, bytes, len, &k.blob, &e));
    return k;
}

static const json_t *test_at(const json_t *result, size_t i)
{
    return json_array_get(json_object_get(result, "tests"), i);
}

static char language[] = "c";
static struct test_spec spec = { .name = TEXT("first") };

/* A report over one result; it borrows, and is never freed. */
static struct submission_report report_of(struct test_result *t, size_t count)
{
    return (struct submission_report){
        .sub = { .id = "01M80XWCPED8030683HJSKDAY0",
                 .language = language,
                 .tests = &spec,
                 .test_count = 1,
                 .state = SUBMISSION_DONE,
                 .verdict = VERDICT_ACCEPTED,
                 .created_unix_ms = 1767323045678,
                 .attempts = 1 },
        .results = t,
        .result_count = count,
    };
}

START_TEST(a_result_has_the_names_and_units_of_the_api)
{
    auto_place_ struct place p = place_new();
    struct test_result t = {
        .verdict = VERDICT_RUNTIME_ERROR,
        .cause = TEXT("none"),
        .exit_code = -1,
        .signal = 11,
        .usage = { 1234567, 1000000, 234567, 9999999, 4096, -1, 3 },
        .stdout_kept = kept(p.s, "hi\n", 3, 3, 3),
        .message = TEXT("died"),
    };
    struct submission_report r = report_of(&t, 1);
    auto_json_ json_t *j = encoded(&p, &r, NULL);
    const json_t *test = test_at(j, 0);
    ck_assert_str_eq(json_string_value(json_object_get(j, "status")), "done");
    ck_assert_str_eq(json_string_value(json_object_get(j, "verdict")), "accepted");
    ck_assert_str_eq(json_string_value(json_object_get(j, "created_at")),
                     "2026-01-02T03:04:05.678Z");
    ck_assert(json_is_null(json_object_get(j, "finished_at")));
    ck_assert(json_is_null(json_object_get(j, "compile")));
    ck_assert_str_eq(json_string_value(json_object_get(test, "name")), "first");
    ck_assert_int_eq(json_integer_value(json_object_get(test, "index")), 1);
    ck_assert(json_is_null(json_object_get(test, "exit_code")));
    ck_assert_int_eq(json_integer_value(json_object_get(test, "signal")), 11);
    ck_assert_str_eq(json_string_value(json_object_get(test, "signal_name")), "SIGSEGV");
    ck_assert(json_real_value(json_object_get(test, "cpu_time_ms")) == 1.235);
    ck_assert(json_real_value(json_object_get(test, "wall_time_ms")) == 10.0);
    ck_assert(json_is_null(json_object_get(test, "memory_nocache_bytes")));
    ck_assert_int_eq(json_integer_value(json_object_get(test, "process_peak_count")), 3);
    ck_assert_str_eq(json_string_value(json_object_get(test, "stdout")), "hi\n");
    ck_assert_str_eq(json_string_value(json_object_get(test, "stderr")), "");
    ck_assert_int_eq(json_integer_value(json_object_get(test, "output_bytes")), 3);
    ck_assert(json_is_false(json_object_get(test, "stdout_truncated")));
}
END_TEST

START_TEST(usage_says_maximum_and_sum)
{
    auto_place_ struct place p = place_new();
    struct test_result t[2] = {
        { .cause = TEXT("none"), .usage = { 2000000, 0, 0, 5000000, 100, -1, -1 } },
        { .index = 1, .cause = TEXT("none"), .usage = { 1000000, 0, 0, 9000000, 300, 7, 2 } },
    };
    struct submission_report r = report_of(t, 2);
    auto_json_ json_t *j = encoded(&p, &r, "usage");
    const json_t *u = json_object_get(j, "usage"), *max = json_object_get(u, "maximum"),
                 *sum = json_object_get(u, "sum");
    ck_assert(json_real_value(json_object_get(max, "cpu_time_ms")) == 2);
    ck_assert(json_real_value(json_object_get(max, "wall_time_ms")) == 9);
    ck_assert_int_eq(json_integer_value(json_object_get(max, "memory_peak_bytes")), 300);
    ck_assert_int_eq(json_integer_value(json_object_get(max, "memory_nocache_bytes")), 7);
    ck_assert(json_real_value(json_object_get(sum, "cpu_time_ms")) == 3);
    ck_assert(json_real_value(json_object_get(sum, "wall_time_ms")) == 14);
    ck_assert_uint_eq(json_object_size(j), 1);
}
END_TEST

START_TEST(phases_say_where_the_time_went_once_it_is_known)
{
    auto_place_ struct place p = place_new();
    struct test_result t = { .cause = TEXT("none") };
    struct submission_report r = report_of(&t, 1);
    auto_json_ json_t *before = encoded(&p, &r, NULL);
    ck_assert(json_is_null(json_object_get(before, "phases")));
    r.sub.started_unix_ms = r.sub.created_unix_ms + 7;
    r.phases = (struct phases){ true, 1500000, 2000000, 3000000, 4000000 };
    auto_json_ json_t *j = encoded(&p, &r, "phases.queue_ms,phases.prepare_ms");
    const json_t *phases = json_object_get(j, "phases");
    ck_assert(json_real_value(json_object_get(phases, "queue_ms")) == 7);
    ck_assert(json_real_value(json_object_get(phases, "prepare_ms")) == 1.5);
    ck_assert_uint_eq(json_object_size(phases), 2);
}
END_TEST

START_TEST(a_test_that_was_run_again_tells_how_its_runs_lay)
{
    auto_place_ struct place p = place_new();
    struct test_result t = { .cause = TEXT("none") };
    struct submission_report r = report_of(&t, 1);
    auto_json_ json_t *once = encoded(&p, &r, NULL);
    const json_t *test = json_array_get(json_object_get(once, "tests"), 0);
    ck_assert(json_is_null(json_object_get(test, "runs")));
    t.runs = (struct runs_spread){ 3, 1000000, 1500000, 4000000 };
    auto_json_ json_t *j = encoded(&p, &r, "tests.runs");
    const json_t *runs = json_object_get(json_array_get(json_object_get(j, "tests"), 0), "runs");
    ck_assert_int_eq(json_integer_value(json_object_get(runs, "count")), 3);
    ck_assert(json_real_value(json_object_get(runs, "cpu_time_min_ms")) == 1);
    ck_assert(json_real_value(json_object_get(runs, "cpu_time_median_ms")) == 1.5);
    ck_assert(json_real_value(json_object_get(runs, "cpu_time_spread_ms")) == 3);
}
END_TEST

START_TEST(output_that_is_no_utf8_is_base64)
{
    auto_place_ struct place p = place_new();
    struct test_result t = { .cause = TEXT("none"),
                             .stdout_kept = kept(p.s, "\xff\0", 2, 2, 2),
                             .stderr_kept = kept(p.s, "\xc3\xa9", 2, 2, 2) };
    struct submission_report r = report_of(&t, 1);
    auto_json_ json_t *j = encoded(&p, &r, NULL);
    const json_t *out = json_object_get(test_at(j, 0), "stdout");
    ck_assert_str_eq(json_string_value(json_object_get(out, "base64")), "/wA=");
    ck_assert_str_eq(json_string_value(json_object_get(test_at(j, 0), "stderr")), "\xc3\xa9");
}
END_TEST

START_TEST(a_cut_within_a_character_leaves_text_a_text)
{
    auto_place_ struct place p = place_new();
    /* head "ab" and half of a three-byte sign, tail its last byte and "yz" */
    struct test_result t = { .cause = TEXT("none"),
                             .stdout_kept = kept(p.s, "ab\xe2\x82\xacyz", 7, 1000, 4),
                             .stderr_kept = kept(p.s, "ab\xff\xffyz", 6, 1000, 3) };
    struct submission_report r = report_of(&t, 1);
    auto_json_ json_t *j = encoded(&p, &r, NULL);
    const json_t *test = test_at(j, 0);
    ck_assert_str_eq(json_string_value(json_object_get(test, "stdout")), "abyz");
    ck_assert_int_eq(json_integer_value(json_object_get(test, "stdout_bytes")), 1000);
    ck_assert_int_eq(json_integer_value(json_object_get(test, "stdout_head_bytes")), 4);
    ck_assert(json_is_true(json_object_get(test, "stdout_truncated")));
    ck_assert(json_is_object(json_object_get(test, "stderr")));
}
END_TEST

START_TEST(outputs_beyond_the_inline_bound_are_null)
{
    auto_place_ struct place p = place_new();
    size_t len = ENCODE_INLINE_MAX / 2 + 1;
    auto_free_ char *big = xmalloc(len);
    memset(big, 'x', len);
    struct test_result t[2] = {
        { .cause = TEXT("none"), .stdout_kept = kept(p.s, big, len, (int64_t)len, (int64_t)len) },
        { .index = 1, .cause = TEXT("none"), .stdout_kept = kept(p.s, big, len, (int64_t)len, 0) },
    };
    struct submission_report r = report_of(t, 2);
    auto_json_ json_t *j = encoded(&p, &r, NULL);
    ck_assert_uint_eq(json_string_length(json_object_get(test_at(j, 0), "stdout")), len);
    ck_assert(json_is_null(json_object_get(test_at(j, 1), "stdout")));
    ck_assert_int_eq(json_integer_value(json_object_get(test_at(j, 1), "stdout_bytes")),
                     (int64_t)len);
    /* what is not asked for is not counted against the bound */
    auto_json_ json_t *few = encoded(&p, &r, "tests.stderr,tests.index");
    ck_assert_str_eq(json_string_value(json_object_get(test_at(few, 1), "stderr")), "");
}
END_TEST

START_TEST(a_name_that_is_no_utf8_does_not_break_the_document)
{
    auto_place_ struct place p = place_new();
    struct test_result t = { .cause = TEXT("none"), .message = TEXT("byte \xff") };
    struct submission_report r = report_of(&t, 1);
    r.message = TEXT("\x01\"");
    r.sub.metadata_json = TEXT("{\"a\":[1]}");
    r.isolation_json = TEXT("{\"mode\":\"root\"}");
    auto_json_ json_t *j = encoded(&p, &r, NULL);
    ck_assert_str_eq(json_string_value(json_object_get(j, "message")), "\x01\"");
    ck_assert(json_is_array(json_object_get(json_object_get(j, "metadata"), "a")));
    ck_assert(json_is_object(json_object_get(j, "isolation")));
}
END_TEST

START_TEST(the_fields_table_names_what_a_result_has)
{
    auto_place_ struct place p = place_new();
    struct test_result t = { .cause = TEXT("none") };
    struct submission_report r = report_of(&t, 1);
    r.compile = (struct compile_result){ .present = true, .cause = TEXT("none") };
    r.phases.present = true;
    auto_json_ json_t *j = encoded(&p, &r, NULL);
    static const struct {
        const char *top, *sub;
    } rows[] = {
#define FIELD(top, sub) { top, sub },
#include "server/fields.def"
#undef FIELD
    };
    size_t tops = 0, test_members = 0, compile_members = 0;
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        const json_t *in = json_object_get(j, rows[i].top);
        ck_assert_msg(in != NULL, "%s", rows[i].top);
        if (json_is_array(in))
            in = json_array_get(in, 0);
        if (rows[i].sub[0] != '\0')
            ck_assert_msg(json_object_get(in, rows[i].sub) != NULL, "%s.%s", rows[i].top,
                          rows[i].sub);
        tops += rows[i].sub[0] == '\0';
        test_members += rows[i].sub[0] != '\0' && strcmp(rows[i].top, "tests") == 0;
        compile_members += rows[i].sub[0] != '\0' && strcmp(rows[i].top, "compile") == 0;
    }
    ck_assert_uint_eq(json_object_size(j), tops);
    ck_assert_uint_eq(json_object_size(test_at(j, 0)), test_members);
    ck_assert_uint_eq(json_object_size(json_object_get(j, "compile")), compile_members);
}
END_TEST

UNIT_MAIN("encode", a_result_has_the_names_and_units_of_the_api, usage_says_maximum_and_sum,
          a_test_that_was_run_again_tells_how_its_runs_lay,
          phases_say_where_the_time_went_once_it_is_known, output_that_is_no_utf8_is_base64,
          a_cut_within_a_character_leaves_text_a_text, outputs_beyond_the_inline_bound_are_null,
          a_name_that_is_no_utf8_does_not_break_the_document,
          the_fields_table_names_what_a_result_has)
