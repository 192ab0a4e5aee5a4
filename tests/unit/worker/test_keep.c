/* test_keep.c - head and tail of outputs, with a model that keeps everything. */
#include "tests/unit/worker/unit.h"

#include "worker/keep.h"

static void ck_kept(size_t max, size_t total, size_t piece)
{
    char whole[512];
    auto_keep_ struct keep k;
    auto_buf_ struct buf b;
    int64_t head = -1;
    for (size_t i = 0; i < total; i++)
        whole[i] = (char)('!' + i % 90);
    keep_init(&k, max);
    buf_init(&b, 0);
    for (size_t at = 0; at < total; at += piece)
        keep_add(&k, whole + at, total - at < piece ? total - at : piece);
    keep_get(&k, &b, &head);
    ck_assert_int_eq(k.total_bytes, (int64_t)total);
    if (total <= max) {
        ck_assert_uint_eq(b.len, total);
        ck_assert_int_eq(head, (int64_t)total);
        ck_assert(total == 0 || memcmp(b.data, whole, total) == 0);
        return;
    }
    size_t first = max - max / 2, last = max / 2;
    ck_assert_uint_eq(b.len, max);
    ck_assert_int_eq(head, (int64_t)first);
    ck_assert_mem_eq(b.data, whole, first);
    ck_assert(last == 0 || memcmp(b.data + first, whole + total - last, last) == 0);
}

START_TEST(what_fits_is_kept_whole_and_else_the_head_and_the_tail)
{
    for (size_t max = 1; max <= 9; max++) {
        for (size_t total = 0; total <= 40; total++) {
            for (size_t piece = 1; piece <= 41; piece += piece < 8 ? 1 : 11)
                ck_kept(max, total, piece);
        }
    }
    ck_kept(100, 500, 7);
}
END_TEST

START_TEST(an_empty_output_has_no_blob_and_a_cut_one_says_so)
{
    auto_place_ struct place p = place_new();
    struct err e;
    struct kept_output out = { 0 };
    auto_keep_ struct keep k;
    keep_init(&k, 4);
    ck_ok(keep_store(&k, p.s, &out, &e));
    ck_assert(!out.blob.present && !out.truncated);
    keep_add(&k, "abcdef", 6);
    ck_ok(keep_store(&k, p.s, &out, &e));
    ck_assert(out.blob.present && out.truncated);
    ck_assert_int_eq(out.bytes, 6);
    ck_assert_int_eq(out.head_bytes, 2);
    auto_free_ char *text = blob_text(p.s, &out.blob);
    ck_assert_str_eq(text, "abef");
}
END_TEST

UNIT_MAIN("keep", what_fits_is_kept_whole_and_else_the_head_and_the_tail,
          an_empty_output_has_no_blob_and_a_cut_one_says_so)
