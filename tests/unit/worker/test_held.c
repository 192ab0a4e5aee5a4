/* test_held.c - what slots tell each other: who has rested longest, and what a dead one held. */
#include "tests/unit/schema/unit.h"
#include "worker/held.h"

static struct held *notes(void)
{
    struct held *all = NULL;
    struct err e;
    int fd = -1;
    ck_ok(held_make(&all, &fd, &e));
    struct held *again = NULL;
    ck_ok(held_map(fd, &again, &e)); /* as a slot does: the same memory */
    held_unmap(all);
    return again;
}

START_TEST(who_has_rested_longest_comes_first)
{
    struct held *all = notes();
    held_rest(&all[3]);
    ck_assert_uint_eq(held_before(all, 3), 0);
    held_rest(&all[1]);
    held_rest(&all[0]);
    ck_assert_uint_eq(held_before(all, 1), 1);
    ck_assert_uint_eq(held_before(all, 0), 2);
    held_rest(&all[3]); /* rests since then, not since now */
    ck_assert_uint_eq(held_before(all, 3), 0);
    held_work(&all[3]);
    ck_assert_uint_eq(held_before(all, 1), 0);
    ck_assert_uint_eq(held_before(all, 3), 2);
    held_rest(&all[3]);
    ck_assert_uint_eq(held_before(all, 3), 2);
    held_unmap(all);
}
END_TEST

START_TEST(a_claim_is_taken_out_once)
{
    struct held *all = notes();
    struct claim in = { .fence = 7, .attempt = 2 }, out;
    store_new_id(in.id);
    ck_assert(!held_take(&all[2], &out));
    held_note(&all[2], &in);
    ck_assert(!held_take(&all[1], &out));
    ck_assert(held_take(&all[2], &out));
    ck_assert_str_eq(out.id, in.id);
    ck_assert_int_eq(out.fence, 7);
    ck_assert(!held_take(&all[2], &out));
    held_note(&all[2], &in);
    held_clear(&all[2]);
    ck_assert(!held_take(&all[2], &out));
    held_unmap(all);
}
END_TEST

START_TEST(a_slot_by_itself_has_no_notes)
{
    struct held *all = notes();
    struct err e;
    struct claim c = { .fence = 1 };
    held_unmap(all);
    ck_ok(held_map(-1, &all, &e));
    ck_assert_ptr_null(all);
    held_note(all, &c);
    held_rest(all);
    held_work(all);
    held_clear(all);
    ck_assert(!held_take(all, &c));
    ck_assert_uint_eq(held_before(all, 0), 0);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        who_has_rested_longest_comes_first,
        a_claim_is_taken_out_once,
        a_slot_by_itself_has_no_notes,
    };
    return unit_main("held", tests, ARRAY_COUNT(tests));
}
