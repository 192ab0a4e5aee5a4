/* test_show.c - tables, colours and results for people; one process. */
#include "server/cli/show.h"

#include <fcntl.h>

#include "server/cli/cli.h"
#include "server/cli/suffix.h"
#include "tests/unit/cli/unit.h"

static const struct term plain = { false, false }, coloured = { true, true };

START_TEST(columns_are_aligned_and_lines_have_no_blanks_at_their_ends)
{
    static const char *const headings[] = { "NAME", "N" };
    auto_buf_ struct buf b = { 0 };
    auto_table_ struct term_table t;
    term_table_init(&t, "lr", headings);
    term_cell(&t, TERM_PLAIN, "é");
    term_cell(&t, TERM_GOOD, "7");
    term_cell(&t, TERM_PLAIN, "longer");
    term_cellf(&t, TERM_PLAIN, "%d", 1000);
    term_table_print(&t, &plain, &b);
    ck_assert_str_eq(buf_text(&b), "NAME       N\n"
                                   "é          7\n"
                                   "longer  1000\n");
}
END_TEST

START_TEST(cells_cannot_break_the_table)
{
    static const char *const headings[] = { "A", "B" };
    auto_buf_ struct buf b = { 0 };
    auto_table_ struct term_table t;
    term_table_init(&t, "ll", headings);
    term_cell(&t, TERM_PLAIN, "x\ny\033");
    term_cell(&t, TERM_PLAIN, "");
    term_table_print(&t, &plain, &b);
    ck_assert_str_eq(buf_text(&b), "A        B\nx y\\x1b\n");
}
END_TEST

START_TEST(a_file_gets_no_colours)
{
    auto_fd_ int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
    struct term t = term_of(fd);
    ck_assert(!t.colour && !t.live);
    auto_buf_ struct buf with = { 0 }, without = { 0 };
    term_text(&coloured, TERM_GOOD, "ok", &with);
    term_text(&plain, TERM_GOOD, "ok", &without);
    ck_assert_str_eq(buf_text(&with), "\033[32mok\033[0m");
    ck_assert_str_eq(buf_text(&without), "ok");
}
END_TEST

static json_t *result(const char *text)
{
    json_error_t why;
    json_t *o = json_loads(text, 0, &why);
    ck_assert_msg(o != NULL, "%s", why.text);
    return o;
}

START_TEST(a_result_shows_verdict_tests_and_output)
{
    json_t *r = result(
        "{\"id\": \"01ABC\", \"status\": \"done\", \"verdict\": \"wrong_answer\","
        " \"language\": {\"id\": \"c\", \"version\": \"12.2.0\"},"
        " \"compile\": {\"verdict\": \"accepted\", \"cached\": false, \"cpu_time_ms\": 31.25},"
        " \"tests\": [{\"name\": \"1\", \"verdict\": \"wrong_answer\", \"exit_code\": 3,"
        "   \"cpu_time_ms\": 1.5, \"wall_time_ms\": 2.25, \"memory_peak_bytes\": 1048576,"
        "   \"stdout\": \"4\\u001b[2J\\n\", \"message\": \"line 1 differs\"}]}");
    auto_buf_ struct buf b = { 0 };
    show_result(r, &plain, &b);
    ck_assert_has(buf_text(&b), "verdict   wrong_answer\n");
    ck_assert_has(buf_text(&b), "id        01ABC\n");
    ck_assert_has(buf_text(&b), "language  c 12.2.0\n");
    ck_assert_has(buf_text(&b), "compile   accepted, cpu 31.250 ms\n");
    ck_assert_has(buf_text(&b), "1.500 ms  2.250 ms  1.0 MiB  exit 3  line 1 differs");
    ck_assert_has(buf_text(&b), "standard output\n4\\x1b[2J\n");
    ck_assert_ptr_null(strchr(buf_text(&b), '\033'));
    json_decref(r);
}
END_TEST

START_TEST(a_result_may_be_unfinished_or_strange)
{
    static const char *const texts[] = { "{}", "[]", "{\"status\": \"queued\", \"verdict\": null}",
                                         "{\"tests\": 3, \"compile\": \"x\", \"language\": 1}",
                                         "{\"tests\": [1, null, {}]}" };
    for (size_t i = 0; i < ARRAY_COUNT(texts); i++) {
        auto_buf_ struct buf b = { 0 };
        json_t *r = result(texts[i]);
        show_result(r, &coloured, &b);
        ck_assert_has(buf_text(&b), "not known yet");
        ck_assert_int_eq(show_exit_status(r), CLI_OK);
        json_decref(r);
    }
}
END_TEST

START_TEST(the_exit_status_tells_accepted_from_rejected_from_failed)
{
    static const struct {
        const char *text;
        int status;
    } rows[] = { { "{\"status\": \"done\", \"verdict\": \"accepted\"}", CLI_OK },
                 { "{\"status\": \"done\", \"verdict\": \"time_limit\"}", CLI_REJECTED },
                 { "{\"status\": \"done\", \"verdict\": \"internal_error\"}", CLI_SERVICE },
                 { "{\"status\": \"cancelled\", \"verdict\": \"cancelled\"}", CLI_REJECTED },
                 { "{\"status\": \"running\", \"verdict\": null}", CLI_OK } };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        json_t *r = result(rows[i].text);
        ck_assert_int_eq(show_exit_status(r), rows[i].status);
        json_decref(r);
    }
}
END_TEST

START_TEST(a_language_is_found_by_the_suffix)
{
    json_t *languages =
        result("{\"languages\": ["
               "{\"id\": \"c11\", \"source_file\": \"main.c\", \"available\": true},"
               "{\"id\": \"c17\", \"source_file\": \"main.c\", \"available\": true},"
               "{\"id\": \"cpp17\", \"source_file\": \"main.cpp\", \"available\": false},"
               "{\"id\": \"cpp20\", \"source_file\": \"main.cpp\", \"available\": true},"
               "{\"id\": \"go\", \"source_file\": \"main.go\", \"available\": false,"
               " \"package\": \"golang\"}]}");
    static const char *const found[][2] = { { "/a.b/x.c", "c17" },
                                            { "x.cpp", "cpp20" },
                                            { "x.cc", "cpp20" } };
    struct err e;
    for (size_t i = 0; i < ARRAY_COUNT(found); i++) {
        auto_free_ char *id = NULL;
        ck_assert_int_eq(suffix_choose(languages, found[i][0], &id, &e), 0);
        ck_assert_str_eq(id, found[i][1]);
    }
    char *id = NULL;
    ck_assert_int_eq(suffix_choose(languages, "x.go", &id, &e), -1);
    ck_assert_has(e.msg, "install golang");
    ck_assert_int_eq(suffix_choose(languages, "Makefile", &id, &e), -1);
    ck_assert_has(e.msg, "--language");
    ck_assert_int_eq(suffix_choose(languages, ".c", &id, &e), -1);
    json_decref(languages);
}
END_TEST

UNIT_MAIN("show", columns_are_aligned_and_lines_have_no_blanks_at_their_ends,
          cells_cannot_break_the_table, a_file_gets_no_colours,
          a_result_shows_verdict_tests_and_output, a_result_may_be_unfinished_or_strange,
          the_exit_status_tells_accepted_from_rejected_from_failed,
          a_language_is_found_by_the_suffix)
