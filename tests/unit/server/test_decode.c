/* test_decode.c - request bodies to submissions, and everything that can be wrong with one; one
 * process. */
#include "server/decode.h"

#include <stdio.h>

#include "tests/unit/server/unit.h"

static struct language_record languages[] = {
    { TEXT("cpp17"), TEXT("C++17"), TEXT("12.2.0"), true, TEXT("g++"), TEXT("main.cpp"),
      TEXT("{\"aliases\":[\"cpp\",\"c++\"]}") },
    { TEXT("java"), TEXT("Java"), TEXT("17"), true, TEXT("jdk"), TEXT("Main.java"),
      TEXT("{\"run_command\":[\"java\",\"${entry_point}\"]}") },
    { TEXT("cobol"), TEXT("COBOL"), NULL, false, TEXT("gnucobol"), TEXT("main.cob"), NULL },
};

static int decode(const char *body, size_t len, struct draft *ret, struct problem *p)
{
    const struct limits defaults = limits_run_defaults(), ceilings = limits_ceiling_defaults();
    struct conf conf;
    conf_init(&conf);
    const struct decode_rules rules = { &defaults, &ceilings, languages, ARRAY_COUNT(languages),
                                        &conf };
    int rc = decode_submission(&rules, body, len, ret, p);
    conf_done(&conf);
    return rc;
}

#define auto_draft_ __attribute__((cleanup(draft_done)))

static struct draft good(const char *body)
{
    struct draft d = { 0 };
    auto_problem_ struct problem p = { 0 };
    int rc = decode(body, strlen(body), &d, &p);
    ck_assert_msg(rc == 0, "%s: %s: %s, expected %s", body, p.detail,
                  p.fault_count > 0 ? p.faults[0].field : "",
                  p.fault_count > 0 ? p.faults[0].expected : "");
    return d;
}

/* The body is refused with exactly one fault, of this field, whose value and expectation hold these
 * texts. */
static void ck_fault(const char *body, const char *field, const char *value, const char *expected)
{
    struct draft d = { 0 };
    auto_problem_ struct problem p = { 0 };
    ck_assert_msg(decode(body, strlen(body), &d, &p) == -1, "%s", body);
    ck_assert_msg(p.id == PROBLEM_INVALID && p.fault_count == 1, "%s: %s, %zu faults", body,
                  p.detail, p.fault_count);
    ck_assert_str_eq(p.faults[0].field, field);
    ck_assert_str_eq(p.faults[0].value, value);
    ck_assert_has(p.faults[0].expected, expected);
}

static void ck_bad_json(const char *body, size_t len, const char *detail)
{
    struct draft d = { 0 };
    auto_problem_ struct problem p = { 0 };
    ck_assert_int_eq(decode(body, len, &d, &p), -1);
    ck_assert_int_eq(p.id, PROBLEM_BAD_JSON);
    ck_assert_has(p.detail, detail);
}

#define BODY(members) "{\"language\":\"cpp17\",\"source\":\"x\"," members "}"

START_TEST(the_smallest_request_gets_the_defaults)
{
    auto_draft_ struct draft d = good("{\"language\":\"cpp17\",\"source\":\"int main(){}\"}");
    const struct limits defaults = limits_run_defaults();
    ck_assert_str_eq(d.sub.language, "cpp17");
    ck_assert_uint_eq(d.sub.file_count, 1);
    ck_assert_str_eq(d.sub.files[0].name, "main.cpp");
    ck_assert_uint_eq(d.files[0].len, 12);
    ck_assert_ptr_null(d.sub.entry_point);
    ck_assert_uint_eq(d.sub.test_count, 1);
    ck_assert_str_eq(d.sub.tests[0].name, "1");
    ck_assert_ptr_null(d.tests[0].input.data);
    ck_assert_ptr_null(d.tests[0].expected.data);
    ck_assert_int_eq(memcmp(&d.sub.tests[0].limits, &defaults, sizeof defaults), 0);
    ck_assert_int_eq(d.sub.comparer.type, COMPARER_LINES);
    ck_assert(d.sub.comparer.case_sensitive);
    ck_assert(!d.sub.stop_on_failure);
    ck_assert_int_eq(d.sub.priority, 0);
    ck_assert_ptr_null(d.sub.metadata_json);
}
END_TEST

START_TEST(an_alias_stands_for_the_language)
{
    auto_draft_ struct draft d = good("{\"language\":\"c++\",\"source\":\"int main(){}\"}");
    ck_assert_str_eq(d.sub.language, "cpp17");
    ck_assert_str_eq(d.sub.files[0].name, "main.cpp");
}
END_TEST

START_TEST(a_full_request_is_read_whole)
{
    auto_draft_ struct draft d =
        good("{\"language\":\"cpp17\",\"files\":{\"a.h\":\"\",\"b.cpp\":{\"base64\":\"AP8=\"}},"
             "\"entry_point\":\"b.cpp\",\"tests\":[{\"name\":\"one\",\"stdin\":\"1\","
             "\"expected_output\":\"\",\"limits\":{\"memory_bytes\":8388608}},{}],"
             "\"comparer\":{\"type\":\"floats\",\"relative\":0.5},\"stop_on_failure\":true,"
             "\"priority\":-100,\"metadata\":{\"a\":[1,null]},\"limits\":{\"process_count\":3}}");
    ck_assert_uint_eq(d.sub.file_count, 2);
    ck_assert_str_eq(d.sub.entry_point, "b.cpp");
    ck_assert_uint_eq(d.files[1].len, 2);
    ck_assert_int_eq(memcmp(d.files[1].data, "\0\xff", 2), 0);
    ck_assert_uint_eq(d.sub.test_count, 2);
    ck_assert_str_eq(d.sub.tests[0].name, "one");
    ck_assert_str_eq(d.sub.tests[1].name, "2");
    ck_assert_ptr_nonnull(d.tests[0].expected.data);
    ck_assert_int_eq(d.sub.tests[0].limits.memory_bytes, 8388608);
    ck_assert_int_eq(d.sub.tests[0].limits.process_count, 3);
    ck_assert_int_eq(d.sub.tests[1].limits.memory_bytes, 268435456);
    ck_assert(d.sub.comparer.absolute == 0 && d.sub.comparer.relative == 0.5);
    ck_assert(d.sub.stop_on_failure);
    ck_assert_int_eq(d.sub.priority, -100);
    ck_assert_str_eq(d.sub.metadata_json, "{\"a\":[1,null]}");
}
END_TEST

START_TEST(wall_time_follows_cpu_time_unless_it_was_given)
{
    static const struct {
        const char *body;
        int64_t cpu, wall;
    } rows[] = {
        { BODY("\"limits\":{\"cpu_time_ms\":100}"), 100, 10000 },
        { BODY("\"limits\":{\"cpu_time_ms\":5000}"), 5000, 16000 },
        { BODY("\"limits\":{\"cpu_time_ms\":120000}"), 120000, 300000 },
        { BODY("\"limits\":{\"cpu_time_ms\":5000,\"wall_time_ms\":20}"), 5000, 20 },
        { BODY("\"limits\":{\"wall_time_ms\":7},\"tests\":[{\"limits\":{\"cpu_time_ms\":5000}}]"),
          5000, 7 },
        { BODY("\"limits\":{\"cpu_time_ms\":10},\"tests\":[{\"limits\":{\"cpu_time_ms\":4000}}]"),
          4000, 13000 },
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        auto_draft_ struct draft d = good(rows[i].body);
        ck_assert_int_eq(d.sub.tests[0].limits.cpu_time_ms, rows[i].cpu);
        ck_assert_int_eq(d.sub.tests[0].limits.wall_time_ms, rows[i].wall);
    }
}
END_TEST

START_TEST(null_members_are_absent_and_whole_reals_are_integers)
{
    auto_draft_ struct draft d =
        good(BODY("\"stdin\":null,\"tests\":null,\"limits\":{\"cpu_time_ms\":2e3}"));
    ck_assert_uint_eq(d.sub.test_count, 1);
    ck_assert_int_eq(d.sub.tests[0].limits.cpu_time_ms, 2000);
}
END_TEST

START_TEST(floats_have_a_tolerance_when_none_is_given)
{
    auto_draft_ struct draft d = good(BODY("\"comparer\":{\"type\":\"floats\"}"));
    ck_assert(d.sub.comparer.absolute == 1e-6 && d.sub.comparer.relative == 1e-6);
}
END_TEST

START_TEST(a_class_may_be_the_entry_point_of_java_alone)
{
    auto_draft_ struct draft d =
        good("{\"language\":\"java\",\"source\":\"x\",\"entry_point\":\"Foo\"}");
    ck_assert_str_eq(d.sub.files[0].name, "Main.java");
    ck_assert_str_eq(d.sub.entry_point, "Foo");
    auto_draft_ struct draft f =
        good("{\"language\":\"java\",\"source\":\"x\",\"entry_point\":\"Foo.java\"}");
    ck_assert_str_eq(f.sub.files[0].name, "Foo.java");
    ck_assert_str_eq(f.sub.entry_point, "Foo");
    auto_draft_ struct draft g = good("{\"language\":\"java\",\"files\":{\"A.java\":\"x\",\"B."
                                      "java\":\"y\"},\"entry_point\":\"A\"}");
    ck_assert_str_eq(g.sub.entry_point, "A");
    ck_fault("{\"language\":\"cpp17\",\"files\":{\"a.cpp\":\"x\"},\"entry_point\":\"b.cpp\"}",
             "entry_point", "\"b.cpp\"", "one of the files");
}
END_TEST

START_TEST(what_is_no_json_is_refused_with_its_byte)
{
    static const struct {
        const char *body, *detail;
    } rows[] = {
        { "", "byte 0" },
        { "{", "invalid JSON at byte 1" },
        { "[]", "object" },
        { "5", "invalid JSON at byte" },
        { "{\"language\":\"cpp17\",}", "invalid JSON at byte 21" },
        { "{\"a\":NaN}", "invalid JSON at byte" },
        { "{\"a\":Infinity}", "invalid JSON at byte" },
        { "{\"a\":1e999}", "invalid JSON at byte" },
        { "{\"a\":99999999999999999999}", "invalid JSON at byte" },
        { "{\"a\":\"\\ud800\"}", "invalid JSON at byte" },
        { "{\"a\":\"\\udc00x\"}", "invalid JSON at byte" },
        { "{\"a\":\"\xff\"}", "invalid JSON at byte 6" },
        { "{\"a\":\"\xed\xa0\x80\"}", "invalid JSON at byte" },
        { "{\"a\":\"\xc3\"}", "invalid JSON at byte" },
        { "{\"a\":1,\"a\":2}", "duplicate" },
        { "{\"a\\u0000\":1}", "NUL" },
        { "{} {}", "invalid JSON at byte" },
        { "{\"a\":\"\n\"}", "invalid JSON at byte" },
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
        ck_bad_json(rows[i].body, strlen(rows[i].body), rows[i].detail);
    ck_bad_json("{\"a\":\0}", 7, "invalid JSON at byte");
}
END_TEST

START_TEST(a_body_of_a_million_values_or_of_depth_is_refused)
{
    size_t len = 5000000;
    auto_free_ char *deep = xmalloc(len);
    memset(deep, '[', len);
    ck_bad_json(deep, len, "more than 1000000 values");
    ck_bad_json(deep, 5000, "invalid JSON at byte");
    /* brackets within a string are no values */
    auto_buf_ struct buf b = { 0 };
    struct err e;
    buf_puts(&b, "{\"language\":\"cpp17\",\"source\":\"\\\"");
    ck_assert_int_eq(buf_add(&b, deep, len, &e), 0);
    buf_puts(&b, "\"}");
    auto_draft_ struct draft d = good(buf_text(&b));
    ck_assert_uint_eq(d.files[0].len, len + 1);
}
END_TEST

START_TEST(each_fault_names_field_value_and_expectation)
{
    static const struct {
        const char *body, *field, *value, *expected;
    } rows[] = {
        { "{\"source\":\"x\"}", "language", "null", "id of a language" },
        { "{\"language\":null,\"source\":\"x\"}", "language", "null", "id of a language" },
        { "{\"language\":5,\"source\":\"x\"}", "language", "5", "string" },
        { "{\"language\":\"b\",\"source\":\"x\"}", "language", "\"b\"", "one of: cpp17, java" },
        { "{\"language\":\"cobol\",\"source\":\"x\"}", "language", "\"cobol\"", "gnucobol" },
        { "{\"language\":\"cpp17\"}", "source", "null", "\"source\" or \"files\"" },
        { "{\"language\":\"cpp17\",\"source\":\"\"}", "source", "\"\"", "at least 1 byte" },
        { "{\"language\":\"cpp17\",\"source\":{\"base64\":\"\"}}", "source", "\"\"", "1 byte" },
        { "{\"language\":\"cpp17\",\"source\":{\"base64\":\"?\"}}", "source.base64", "\"?\"", "" },
        { "{\"language\":\"cpp17\",\"source\":{\"bas64\":\"\"}}", "source",
          "\"object with 1 members\"", "base64" },
        { "{\"language\":\"cpp17\",\"source\":7}", "source", "7", "a string" },
        { "{\"language\":\"cpp17\",\"source\":\"x\",\"files\":{\"a\":\"b\"}}", "files",
          "\"object with 1 members\"", "not both" },
        { "{\"language\":\"cpp17\",\"files\":{}}", "files", "\"object with 0 members\"",
          "1 to 64" },
        { "{\"language\":\"cpp17\",\"files\":{\"a.cpp\":\"\"}}", "files", "\"\"",
          "at least 1 byte" },
        { "{\"language\":\"cpp17\",\"files\":{\"a.cpp\":null}}", "files", "null", "text" },
        { "{\"language\":\"cpp17\",\"files\":{\"a.cpp\":5}}", "files.a.cpp", "5", "a string" },
        { BODY("\"colour\":1"), "colour", "1", "no such field; there are: language, source" },
        { BODY("\"entry_point\":\"-x\""), "entry_point", "\"-x\"", "beginning with '-'" },
        { BODY("\"entry_point\":\"a/b\""), "entry_point", "\"a/b\"", "'/'" },
        { BODY("\"limits\":5"), "limits", "5", "an object" },
        { BODY("\"limits\":{\"cpu_time_ms\":0}"), "limits.cpu_time_ms", "0", "from 1 to 120000" },
        { BODY("\"limits\":{\"cpu_time_ms\":-5}"), "limits.cpu_time_ms", "-5", "from 1" },
        { BODY("\"limits\":{\"cpu_time_ms\":120001}"), "limits.cpu_time_ms", "120001",
          "to 120000" },
        { BODY("\"limits\":{\"cpu_time_ms\":1.5}"), "limits.cpu_time_ms", "1.5", "whole" },
        { BODY("\"limits\":{\"cpu_time_ms\":1e300}"), "limits.cpu_time_ms", "1e300", "whole" },
        { BODY("\"limits\":{\"cpu_time_ms\":\"1\"}"), "limits.cpu_time_ms", "\"1\"", "whole" },
        { BODY("\"limits\":{\"cpu_time_ms\":true}"), "limits.cpu_time_ms", "true", "whole" },
        { BODY("\"limits\":{\"gpu\":1}"), "limits.gpu", "1", "there are: cpu_time_ms" },
        { BODY("\"tests\":[]"), "tests", "\"array of 0 items\"", "1 to 10000" },
        { BODY("\"tests\":{}"), "tests", "\"object with 0 members\"", "array" },
        { BODY("\"tests\":[1]"), "tests[0]", "1", "an object" },
        { BODY("\"tests\":[{},{\"x\":1}]"), "tests[1].x", "1", "no such field" },
        { BODY("\"tests\":[{},{},{},{\"limits\":{\"cpu_time_ms\":0}}]"),
          "tests[3].limits.cpu_time_ms", "0", "from 1" },
        { BODY("\"tests\":[{\"name\":\"\"}]"), "tests[0].name", "\"\"", "1 to 255 bytes" },
        { BODY("\"tests\":[{\"name\":\"a\\u0000\"}]"), "tests[0].name", "\"a\\u0000\"", "control" },
        { BODY("\"tests\":[{}],\"stdin\":\"x\""), "stdin", "null", "not together" },
        { BODY("\"tests\":[{}],\"expected_output\":\"\""), "expected_output", "null", "together" },
        { BODY("\"comparer\":\"lines\""), "comparer", "\"lines\"", "an object" },
        { BODY("\"comparer\":{\"type\":\"fuzzy\"}"), "comparer.type", "\"fuzzy\"", "exact, lines" },
        { BODY("\"comparer\":{\"absolute\":1}"), "comparer.absolute", "1", "floats" },
        { BODY("\"comparer\":{\"type\":\"floats\",\"relative\":-1}"), "comparer.relative", "-1",
          "0 or more" },
        { BODY("\"comparer\":{\"type\":\"exact\",\"case_sensitive\":false}"),
          "comparer.case_sensitive", "false", "bytes" },
        { BODY("\"priority\":101"), "priority", "101", "from -100 to 100" },
        { BODY("\"stop_on_failure\":1"), "stop_on_failure", "1", "true or false" },
        { BODY("\"metadata\":[]"), "metadata", "\"array of 0 items\"", "an object" },
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
        ck_fault(rows[i].body, rows[i].field, rows[i].value, rows[i].expected);
}
END_TEST

START_TEST(all_faults_are_told_at_once)
{
    const char *body = "{\"language\":\"b\",\"source\":\"\",\"x\":1,\"priority\":\"high\","
                       "\"tests\":[{\"stdin\":1},{\"limits\":{\"a\":1,\"b\":2}}]}";
    struct draft d = { 0 };
    auto_problem_ struct problem p = { 0 };
    ck_assert_int_eq(decode(body, strlen(body), &d, &p), -1);
    ck_assert_uint_eq(p.fault_count, 7);
}
END_TEST

START_TEST(file_names_are_one_plain_component)
{
    auto_buf_ struct buf longest = { 0 }, longer = { 0 };
    for (int i = 0; i < 255; i++)
        buf_puts(&longest, "a");
    for (int i = 0; i < 4096; i++)
        buf_puts(&longer, "a");
    const char *const bad[] = {
        "", ".", "..", "a/b", "/", "../x", "a\\n", "a\\u0001", "\\u007f", "a/..", buf_text(&longer)
    };
    for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
        auto_buf_ struct buf body = { 0 };
        struct draft d = { 0 };
        auto_problem_ struct problem p = { 0 };
        buf_printf(&body, "{\"language\":\"cpp17\",\"files\":{\"%s\":\"x\"}}", bad[i]);
        ck_assert_int_eq(decode(buf_text(&body), body.len, &d, &p), -1);
        ck_assert_str_eq(p.faults[0].field, "files");
        ck_assert_has(p.faults[0].expected, "file name");
        ck_assert_uint_lt(strlen(p.faults[0].value), 200);
    }
    const char *const fine[] = {
        "a", "...", ".hidden", "a b", "\xc3\xa9.cpp", "-o", buf_text(&longest)
    };
    for (size_t i = 0; i < ARRAY_COUNT(fine); i++) {
        auto_buf_ struct buf body = { 0 };
        buf_printf(&body, "{\"language\":\"cpp17\",\"files\":{\"%s\":\"x\"}}", fine[i]);
        auto_draft_ struct draft d = good(buf_text(&body));
        ck_assert_str_eq(d.sub.files[0].name, fine[i]);
    }
}
END_TEST

static void many(struct buf *b, const char *open, const char *item, int count, const char *close)
{
    buf_puts(b, open);
    for (int i = 0; i < count; i++) {
        buf_puts(b, i > 0 ? "," : "");
        if (strchr(item, '%') != NULL)
            buf_printf(b, "\"f%d\":\"x\"", i);
        else
            buf_puts(b, item);
    }
    buf_puts(b, close);
}

START_TEST(counts_and_sizes_end_where_they_should)
{
    auto_buf_ struct buf tests = { 0 }, over = { 0 }, files = { 0 }, over_files = { 0 };
    many(&tests, "{\"language\":\"cpp17\",\"source\":\"x\",\"tests\":[", "{}", 10000, "]}");
    many(&over, "{\"language\":\"cpp17\",\"source\":\"x\",\"tests\":[", "{}", 10001, "]}");
    many(&files, "{\"language\":\"cpp17\",\"files\":{", "%", 64, "}}");
    many(&over_files, "{\"language\":\"cpp17\",\"files\":{", "%", 65, "}}");
    auto_draft_ struct draft d = good(buf_text(&tests));
    ck_assert_uint_eq(d.sub.test_count, 10000);
    ck_assert_str_eq(d.sub.tests[9999].name, "10000");
    auto_draft_ struct draft f = good(buf_text(&files));
    ck_assert_uint_eq(f.sub.file_count, 64);
    ck_fault(buf_text(&over), "tests", "\"array of 10001 items\"", "1 to 10000");
    ck_fault(buf_text(&over_files), "files", "\"object with 65 members\"", "1 to 64");
}
END_TEST

START_TEST(metadata_is_bounded)
{
    for (int over = 0; over < 2; over++) {
        auto_buf_ struct buf b = { 0 };
        buf_puts(&b, "{\"language\":\"cpp17\",\"source\":\"x\",\"metadata\":{\"k\":\"");
        for (int i = 0; i < DECODE_METADATA_MAX - 8 + over; i++)
            buf_puts(&b, "m");
        buf_puts(&b, "\"}}");
        struct draft d = { 0 };
        auto_problem_ struct problem p = { 0 };
        ck_assert_int_eq(decode(buf_text(&b), b.len, &d, &p), over ? -1 : 0);
        draft_done(&d);
    }
}
END_TEST

START_TEST(a_callback_url_is_kept_or_named_as_wrong)
{
    auto_draft_ struct draft d = good(BODY("\"callback_url\":\"https://example.org/x?y=z\""));
    ck_assert_str_eq(d.sub.callback_url, "https://example.org/x?y=z");
    ck_fault(BODY("\"callback_url\":\"http://127.0.0.1/\""), "callback_url",
             "\"http://127.0.0.1/\"", "loopback");
    ck_fault(BODY("\"callback_url\":\"ftp://example.org/\""), "callback_url",
             "\"ftp://example.org/\"", "http");
    ck_fault(BODY("\"callback_url\":7"), "callback_url", "7", "string");
}
END_TEST

UNIT_MAIN("decode", a_callback_url_is_kept_or_named_as_wrong,
          the_smallest_request_gets_the_defaults, an_alias_stands_for_the_language,
          a_full_request_is_read_whole, wall_time_follows_cpu_time_unless_it_was_given,
          null_members_are_absent_and_whole_reals_are_integers,
          floats_have_a_tolerance_when_none_is_given, a_class_may_be_the_entry_point_of_java_alone,
          what_is_no_json_is_refused_with_its_byte,
          a_body_of_a_million_values_or_of_depth_is_refused,
          each_fault_names_field_value_and_expectation, all_faults_are_told_at_once,
          file_names_are_one_plain_component, counts_and_sizes_end_where_they_should,
          metadata_is_bounded)
