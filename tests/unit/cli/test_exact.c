/* test_exact.c - JSON that is read and written again has the digits it had. */
#include <check.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "sandbox/base/cleanup.h"
#include "server/cli/exact.h"

/* Mark, read, write and unmark; NULL: it cannot be read. */
static char *around(const char *json)
{
    auto_buf_ struct buf marked = { 0 };
    struct buf plain = { 0 };
    exact_mark(json, strlen(json), &marked);
    json_t *o = json_loadb(buf_text(&marked), marked.len, JSON_ALLOW_NUL | JSON_DECODE_ANY, NULL);
    if (o == NULL)
        return NULL;
    auto_free_ char *text = json_dumps(o, JSON_COMPACT | JSON_ENCODE_ANY);
    json_decref(o);
    exact_unmark(text, strlen(text), &plain);
    return buf_take(&plain);
}

static const char *const same[] = {
    "3.500",
    "-0.0",
    "1e2",
    "1E+400",
    "0.1234567890123456789012345678901234567890",
    "[3.500,3,-3,0,0.0,12.000,1.5e-7]",
    "{\"a\":1.10,\"b\":[{\"c\":2.0}],\"d\":null,\"e\":true}",
    "\"3.500\"",
    "\"a \\\"3.500\\\" b\"",
    "\"\\\\\"",
    "\"\\u0001\"",
    "\"\\u0001n3.500\"",
    "\"\\u0001s\\u0001n1.0\"",
    "{\"\\u0001n1.5\":1.50}",
    "\"x\\u0001n3.500\"",
    "\"\\u0000\\u0001\"",
    "\"\xc3\xa9\xe2\x82\xac 1.0\"",
    "[]",
    "{}",
    "\"\"",
};

START_TEST(what_comes_back_is_what_was_sent)
{
    auto_free_ char *got = around(same[_i]);
    ck_assert_ptr_nonnull(got);
    ck_assert_str_eq(got, same[_i]);
}
END_TEST

static const char *const bad[] = { "1.",     ".5",   "01.5",  "1.5.5",   "1e",   "1e+",
                                   "[1.5.]", "1.5x", "--1.5", "\"a",     "\"\\", "[1.0 2.0]",
                                   "",       "-",    "+1.5",  "1.5\"a\"" };

START_TEST(what_is_no_json_stays_none)
{
    auto_free_ char *got = around(bad[_i]);
    ck_assert_msg(got == NULL, "%s became %s", bad[_i], got);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("exact");
    TCase *t = tcase_create("exact");
    tcase_add_loop_test(t, what_comes_back_is_what_was_sent, 0, ARRAY_COUNT(same));
    tcase_add_loop_test(t, what_is_no_json_stays_none, 0, ARRAY_COUNT(bad));
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    SRunner *r = srunner_create(suite());
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
