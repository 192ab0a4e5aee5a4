/* test_text.c - text fields, and what a terminal may see; one process. */
#include "server/cli/text.h"

#include "tests/unit/cli/unit.h"

static void expect_visible(const char *text, size_t len, const char *want)
{
    auto_buf_ struct buf b = { 0 };
    text_visible(text, len, &b);
    ck_assert_str_eq(buf_text(&b), want);
}

START_TEST(plain_text_is_shown_as_it_is)
{
    expect_visible("a\tb\nä€\xf0\x9f\x98\x80", 13, "a\tb\nä€\xf0\x9f\x98\x80");
}
END_TEST

START_TEST(a_terminal_is_never_commanded)
{
    expect_visible("\033[2J", 4, "\\x1b[2J");
    expect_visible("\r\x7f", 2, "\\x0d\\x7f");
    expect_visible("\xc2\x9b"
                   "31m",
                   5, "\\xc2\\x9b31m"); /* CSI as one C1 character */
    expect_visible("a\0b", 3, "a\\x00b");
    expect_visible("\xff\xc3", 2, "\\xff\\xc3");
}
END_TEST

/* Bytes to a field and back. */
static void round_trip(const char *data, size_t len, bool string)
{
    auto_buf_ struct buf b = { 0 };
    struct err e;
    json_t *field = text_to_json(data, len);
    ck_assert_int_eq(json_is_string(field), string);
    ck_assert_int_eq(text_from_json(field, &b, &e), 0);
    ck_assert_uint_eq(b.len, len);
    ck_assert_int_eq(memcmp(buf_text(&b), data, len), 0);
    json_decref(field);
}

START_TEST(bytes_survive_the_way_through_a_field)
{
    round_trip("", 0, true);
    round_trip("hello\n", 6, true);
    round_trip("\xff", 1, false);
    round_trip("\xff\xfe", 2, false);
    round_trip("\xff\xfe\xfd", 3, false);
    round_trip("a\0b", 3, false);
}
END_TEST

START_TEST(base64_is_that_of_the_standard)
{
    static const char *const vectors[][2] = {
        { "", "" }, { "f", "Zg==" }, { "fo", "Zm8=" }, { "foo", "Zm9v" }, { "foobar", "Zm9vYmFy" }
    };
    for (size_t i = 0; i < ARRAY_COUNT(vectors); i++) {
        auto_buf_ struct buf b = { 0 };
        text_base64(vectors[i][0], strlen(vectors[i][0]), &b);
        ck_assert_str_eq(buf_text(&b), vectors[i][1]);
    }
}
END_TEST

START_TEST(bad_base64_is_refused)
{
    static const char *const bad[] = { "Zg", "Zg=", "Z===", "Zg=a", "Zg==Zg==", "Z!==", "====" };
    for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
        auto_buf_ struct buf b = { 0 };
        struct err e;
        json_t *field = json_pack("{s:s}", "base64", bad[i]);
        ck_assert_msg(text_from_json(field, &b, &e) == -1, "accepted: %s", bad[i]);
        json_decref(field);
    }
}
END_TEST

START_TEST(a_missing_field_is_empty)
{
    auto_buf_ struct buf b = { 0 };
    struct err e;
    ck_assert_int_eq(text_from_json(NULL, &b, &e), 0);
    ck_assert_uint_eq(b.len, 0);
    ck_assert_str_eq(text_member(NULL, "x"), "");
}
END_TEST

UNIT_MAIN("text", plain_text_is_shown_as_it_is, a_terminal_is_never_commanded,
          bytes_survive_the_way_through_a_field, base64_is_that_of_the_standard,
          bad_base64_is_refused, a_missing_field_is_empty)
