/* test_buf.c - the growing buffer: ceiling, text, JSON strings; one process. */
#include "sandbox/base/buf.h"

#include "tests/unit/base/unit.h"

START_TEST(an_empty_buffer_is_the_empty_text)
{
    auto_buf_ struct buf b;
    buf_init(&b, 0);
    ck_assert_str_eq(buf_text(&b), "");
    char *taken = buf_take(&b);
    ck_assert_str_eq(taken, "");
    free(taken);
}
END_TEST

START_TEST(what_is_added_stays_in_order_and_ends_with_nul)
{
    auto_buf_ struct buf b;
    struct err e;
    buf_init(&b, 0);
    for (int i = 0; i < 1000; i++)
        ck_assert_int_eq(buf_add(&b, "ab\0d", 4, &e), 0);
    buf_puts(&b, "tail");
    ck_assert_uint_eq(b.len, 4004);
    ck_assert_int_eq(memcmp(b.data + 3996, "ab\0dtail\0", 9), 0);
    ck_assert_int_eq(buf_add(&b, NULL, 0, &e), 0);
    ck_assert_uint_eq(b.len, 4004);
}
END_TEST

START_TEST(what_would_pass_the_ceiling_is_refused_whole)
{
    auto_buf_ struct buf b;
    struct err e;
    buf_init(&b, 8);
    ck_assert_int_eq(buf_add(&b, "12345678", 8, &e), 0);
    ck_assert_int_eq(buf_add(&b, "9", 1, &e), -1);
    ck_assert_int_eq(e.kind, ERR_INPUT);
    ck_assert_has(e.msg, "8 bytes");
    ck_assert_int_eq(buf_add(&b, "", (size_t)-1, &e), -1);
    ck_assert_str_eq(buf_text(&b), "12345678");
}
END_TEST

START_TEST(formatted_text_of_any_length_fits)
{
    auto_buf_ struct buf b;
    char text[5000];
    memset(text, 'y', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    buf_init(&b, 0);
    buf_printf(&b, "%s%d", text, 7);
    buf_printf(&b, "%s", "");
    ck_assert_uint_eq(b.len, 5000);
    ck_assert_int_eq(b.data[4999], '7');
}
END_TEST

START_TEST(taking_leaves_an_empty_buffer)
{
    auto_buf_ struct buf b;
    buf_init(&b, 3);
    buf_puts(&b, "abc");
    char *taken = buf_take(&b);
    ck_assert_str_eq(taken, "abc");
    ck_assert_uint_eq(b.len, 0);
    ck_assert_uint_eq(b.max_bytes, 3);
    free(taken);
}
END_TEST

START_TEST(a_json_string_escapes_quotes_and_control_characters)
{
    auto_buf_ struct buf b;
    buf_init(&b, 0);
    buf_json_string(&b, "a\"\\\n\0z\xc3\xa9", 8);
    ck_assert_str_eq(buf_text(&b), "\"a\\u0022\\u005c\\u000a\\u0000z\xc3\xa9\"");
}
END_TEST

START_TEST(a_json_string_replaces_what_is_not_utf8)
{
    auto_buf_ struct buf b;
    buf_init(&b, 0);
    buf_json_string(&b, "\xff\xed\xa0\x80\xc3", 5);
    const char *one = "\xef\xbf\xbd";
    auto_buf_ struct buf want;
    buf_init(&want, 0);
    buf_printf(&want, "\"%s%s%s%s%s\"", one, one, one, one, one);
    ck_assert_str_eq(buf_text(&b), buf_text(&want));
}
END_TEST

START_TEST(the_allocators_give_a_block_for_no_bytes)
{
    char *a = xmalloc(0), *b = xcalloc(0, 8), *c = xstrndup("abc", 2), *d = xasprintf("%d", 5);
    ck_assert_ptr_nonnull(a);
    ck_assert_ptr_nonnull(b);
    ck_assert_str_eq(c, "ab");
    ck_assert_str_eq(d, "5");
    free(a);
    free(b);
    free(c);
    free(d);
}
END_TEST

UNIT_MAIN("buf", an_empty_buffer_is_the_empty_text, what_is_added_stays_in_order_and_ends_with_nul,
          what_would_pass_the_ceiling_is_refused_whole, formatted_text_of_any_length_fits,
          taking_leaves_an_empty_buffer, a_json_string_escapes_quotes_and_control_characters,
          a_json_string_replaces_what_is_not_utf8, the_allocators_give_a_block_for_no_bytes)
