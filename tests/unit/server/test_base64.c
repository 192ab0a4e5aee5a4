/* test_base64.c - base64 there and back, and what is none; one process. */
#include "server/base64.h"

#include "tests/unit/server/unit.h"

static void ck_decodes(const char *text, const char *bytes, size_t len)
{
    auto_buf_ struct buf b = { 0 };
    size_t at = 0;
    ck_assert_msg(base64_decode(&b, text, strlen(text), &at), "\"%s\" fails at %zu", text, at);
    ck_assert_uint_eq(b.len, len);
    ck_assert_int_eq(memcmp(buf_text(&b), bytes, len), 0);
}

static void ck_refused(const char *text, size_t want_at)
{
    auto_buf_ struct buf b = { 0 };
    size_t at = 0;
    ck_assert_msg(!base64_decode(&b, text, strlen(text), &at), "\"%s\" decodes", text);
    ck_assert_uint_eq(at, want_at);
}

START_TEST(the_vectors_of_rfc_4648_hold_both_ways)
{
    static const char *const rows[][2] = {
        { "", "" },        { "f", "Zg==" },        { "fo", "Zm8=" },
        { "foo", "Zm9v" }, { "foob", "Zm9vYg==" }, { "foobar", "Zm9vYmFy" }
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        auto_buf_ struct buf b = { 0 };
        base64_encode(&b, rows[i][0], strlen(rows[i][0]));
        ck_assert_str_eq(buf_text(&b), rows[i][1]);
        ck_decodes(rows[i][1], rows[i][0], strlen(rows[i][0]));
    }
}
END_TEST

START_TEST(every_byte_survives)
{
    unsigned char all[256];
    for (size_t i = 0; i < sizeof all; i++)
        all[i] = (unsigned char)i;
    for (size_t len = 0; len <= sizeof all; len++) {
        auto_buf_ struct buf b = { 0 }, url = { 0 };
        base64_encode(&b, all, len);
        base64_encode_url(&url, all, len);
        ck_decodes(buf_text(&b), (const char *)all, len);
        ck_decodes(buf_text(&url), (const char *)all, len);
        ck_assert_ptr_null(strpbrk(buf_text(&url), "+/="));
    }
}
END_TEST

START_TEST(line_ends_and_missing_padding_are_accepted)
{
    ck_decodes("Zm9v\r\nYmFy\n", "foobar", 6);
    ck_decodes("Zg", "f", 1);
    ck_decodes("Zm8", "fo", 2);
}
END_TEST

START_TEST(what_is_no_base64_is_refused_with_the_place)
{
    ck_refused("!!", 0);
    ck_refused("Zm9v Zg==", 4);
    ck_refused("Zg==Zg==", 4);
    ck_refused("Zg===", 4);
    ck_refused("Zg=", 3);
    ck_refused("Z", 1);
    ck_refused("Zh==", 4); /* bits left over: a second spelling of "f" */
}
END_TEST

UNIT_MAIN("base64", the_vectors_of_rfc_4648_hold_both_ways, every_byte_survives,
          line_ends_and_missing_padding_are_accepted, what_is_no_base64_is_refused_with_the_place)
