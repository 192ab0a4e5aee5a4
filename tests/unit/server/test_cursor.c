/* test_cursor.c - list positions there and back; one process. */
#include "server/cursor.h"

#include "tests/unit/server/unit.h"

START_TEST(a_cursor_gives_its_id_back)
{
    for (int i = 0; i < 100; i++) {
        char id[STORE_ID_BYTES], back[STORE_ID_BYTES];
        auto_buf_ struct buf b = { 0 };
        store_new_id(id);
        cursor_write(&b, id);
        ck_assert(cursor_read(buf_text(&b), back));
        ck_assert_str_eq(back, id);
        ck_assert_uint_eq(strspn(buf_text(&b),
                                 "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                 "0123456789-_"),
                          b.len);
    }
}
END_TEST

START_TEST(anything_else_is_no_cursor)
{
    char id[STORE_ID_BYTES], back[STORE_ID_BYTES] = "untouched";
    auto_buf_ struct buf b = { 0 };
    store_new_id(id);
    cursor_write(&b, id);
    b.data[0] = 'N'; /* another version */
    static const char *const none[] = { "", "x", "01M80XWCPED8030683HJSKDAY0", "!!!!", "MTAx" };
    auto_free_ char *twice = xasprintf("%s%s", buf_text(&b), buf_text(&b));
    ck_assert(!cursor_read(twice, back));
    ck_assert(!cursor_read(buf_text(&b), back));
    for (size_t i = 0; i < ARRAY_COUNT(none); i++)
        ck_assert_msg(!cursor_read(none[i], back), "\"%s\"", none[i]);
    ck_assert_str_eq(back, "untouched");
}
END_TEST

UNIT_MAIN("cursor", a_cursor_gives_its_id_back, anything_else_is_no_cursor)
