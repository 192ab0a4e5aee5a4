/* test_utf8.c - what is UTF-8 and what only looks like it; one process. */
#include "sandbox/base/utf8.h"

#include "sandbox/base/cleanup.h"
#include "tests/unit/base/unit.h"

#define VALID(s) utf8_valid(s, sizeof(s) - 1)

START_TEST(ascii_nul_and_the_empty_text_are_utf8)
{
    ck_assert(VALID(""));
    ck_assert(VALID("hello\n"));
    ck_assert(VALID("a\0b"));
}
END_TEST

START_TEST(the_first_and_last_character_of_each_length_are_utf8)
{
    ck_assert(VALID("\xc2\x80"));
    ck_assert(VALID("\xdf\xbf"));
    ck_assert(VALID("\xe0\xa0\x80"));
    ck_assert(VALID("\xed\x9f\xbf"));
    ck_assert(VALID("\xee\x80\x80"));
    ck_assert(VALID("\xef\xbf\xbf"));
    ck_assert(VALID("\xf0\x90\x80\x80"));
    ck_assert(VALID("\xf4\x8f\xbf\xbf"));
}
END_TEST

START_TEST(overlong_forms_surrogates_and_what_is_past_the_end_are_not)
{
    static const char *const bad[] = { "\x80",
                                       "\xbf",
                                       "\xc0\x80",
                                       "\xc1\xbf",
                                       "\xe0\x80\x80",
                                       "\xe0\x9f\xbf",
                                       "\xed\xa0\x80",
                                       "\xed\xbf\xbf",
                                       "\xf0\x80\x80\x80",
                                       "\xf0\x8f\xbf\xbf",
                                       "\xf4\x90\x80\x80",
                                       "\xf5\x80\x80\x80",
                                       "\xff",
                                       "\xfe" };
    for (size_t i = 0; i < ARRAY_COUNT(bad); i++)
        ck_assert_msg(!utf8_valid(bad[i], strlen(bad[i])), "accepted number %zu", i);
}
END_TEST

START_TEST(a_sequence_that_is_cut_is_not)
{
    ck_assert(!VALID("ok\xc3"));
    ck_assert(!VALID("\xe2\x82"));
    ck_assert(!VALID("\xf0\x9f\x98"));
    ck_assert(!VALID("\xe2\x28\xa1"));
    ck_assert_uint_eq(utf8_sequence("\xf0\x9f\x98\x80", 4), 4);
    ck_assert_uint_eq(utf8_sequence("\xf0\x9f\x98\x80", 3), 0);
}
END_TEST

UNIT_MAIN("utf8", ascii_nul_and_the_empty_text_are_utf8,
          the_first_and_last_character_of_each_length_are_utf8,
          overlong_forms_surrogates_and_what_is_past_the_end_are_not, a_sequence_that_is_cut_is_not)
