/* test_units.c - numbers with units, right and wrong; one process. */
#include "sandbox/base/units.h"

#include "sandbox/base/cleanup.h"
#include "sandbox/base/clock.h"
#include "tests/unit/base/unit.h"

START_TEST(whole_numbers_are_read_within_their_bounds)
{
    struct err e;
    int64_t v = 0;
    ck_assert_int_eq(units_parse_int("0", 0, 0, &v, &e), 0);
    ck_assert_int_eq(units_parse_int("-9223372036854775808", INT64_MIN, INT64_MAX, &v, &e), 0);
    ck_assert_int_eq(v, INT64_MIN);
    ck_assert_int_eq(units_parse_int("9223372036854775807", INT64_MIN, INT64_MAX, &v, &e), 0);
    ck_assert_int_eq(v, INT64_MAX);
}
END_TEST

START_TEST(what_is_not_a_whole_number_is_refused_and_quoted)
{
    static const char *const bad[] = {
        "",   " 1", "1 ", "+1", "--1", "-", "0x1", "1.", "1e3", "nan", "9223372036854775808",
        "11", "-1"
    };
    for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
        struct err e;
        int64_t v = 7;
        ck_assert_msg(units_parse_int(bad[i], 0, 10, &v, &e) == -1, "accepted \"%s\"", bad[i]);
        ck_assert_int_eq(v, 7);
        ck_assert_int_eq(e.kind, ERR_INPUT);
        ck_assert_has(e.msg, bad[i]);
    }
}
END_TEST

START_TEST(sizes_are_powers_of_1024)
{
    static const struct {
        const char *text;
        int64_t bytes;
    } good[] = { { "0", 0 },
                 { "17", 17 },
                 { "64K", 65536 },
                 { "64KiB", 65536 },
                 { "64kB", 65536 },
                 { "256M", 268435456 },
                 { "3g", INT64_C(3221225472) },
                 { "8388607T", INT64_C(8388607) << 40 } };
    for (size_t i = 0; i < ARRAY_COUNT(good); i++) {
        struct err e;
        int64_t v = -1;
        ck_assert_msg(units_parse_bytes(good[i].text, &v, &e) == 0, "refused %s", good[i].text);
        ck_assert_int_eq(v, good[i].bytes);
    }
}
END_TEST

START_TEST(what_is_not_a_size_is_refused)
{
    static const char *const bad[] = { "",    "K",    "-1",    "+1",       "1.5M",
                                       "1 M", "M1",   "1KK",   "1Kib",     "1P",
                                       "1Ki", "0x10", "1KiBx", "8388608T", "9223372036854775808",
                                       "lots" };
    for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
        struct err e;
        int64_t v = 7;
        ck_assert_msg(units_parse_bytes(bad[i], &v, &e) == -1, "accepted \"%s\"", bad[i]);
        ck_assert_int_eq(v, 7);
        ck_assert_has(e.msg, "expected a size");
    }
}
END_TEST

START_TEST(durations_have_a_unit_and_may_have_a_fraction)
{
    static const struct {
        const char *text;
        int64_t ns;
    } good[] = { { "0s", 0 },
                 { "1ns", 1 },
                 { "2us", 2000 },
                 { "200ms", 200 * NS_PER_MS },
                 { "1.5s", 1500 * NS_PER_MS },
                 { "0.000000001s", 1 },
                 { "2m", 120 * NS_PER_S },
                 { "1.5h", 5400 * NS_PER_S },
                 { "2562046h", INT64_C(2562046) * 3600 * NS_PER_S } };
    for (size_t i = 0; i < ARRAY_COUNT(good); i++) {
        struct err e;
        int64_t v = -1;
        ck_assert_msg(units_parse_duration(good[i].text, &v, &e) == 0, "refused %s", good[i].text);
        ck_assert_int_eq(v, good[i].ns);
    }
}
END_TEST

START_TEST(what_is_not_a_duration_is_refused)
{
    static const char *const bad[] = {
        "",    "1",    "s",    "-1s", "+1s",           "1 s",      "1.s",
        ".5s", "1e3s", "1sec", "1S",  "1.0000000001s", "2562048h", "99999999999999999999999999s",
        "nan", "inf"
    };
    for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
        struct err e;
        int64_t v = 7;
        ck_assert_msg(units_parse_duration(bad[i], &v, &e) == -1, "accepted \"%s\"", bad[i]);
        ck_assert_int_eq(v, 7);
        ck_assert_has(e.msg, "expected a duration");
    }
}
END_TEST

START_TEST(a_hostile_text_is_quoted_in_part_only)
{
    struct err e;
    int64_t v;
    char text[4096];
    memset(text, '9', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    ck_assert_int_eq(units_parse_bytes(text, &v, &e), -1);
    ck_assert_uint_lt(strlen(e.msg), 200);
}
END_TEST

START_TEST(people_read_sizes_and_durations_in_fitting_units)
{
    char b[UNITS_TEXT_BYTES];
    ck_assert_str_eq(units_format_bytes(0, b), "0 B");
    ck_assert_str_eq(units_format_bytes(1023, b), "1023 B");
    ck_assert_str_eq(units_format_bytes(1536, b), "1.5 KiB");
    ck_assert_str_eq(units_format_bytes(268435456, b), "256 MiB");
    units_format_bytes(INT64_MAX, b);
    ck_assert_has(b, "TiB");
    ck_assert_str_eq(units_format_duration(12345000, b), "12.345 ms");
    ck_assert_str_eq(units_format_duration(1500 * NS_PER_MS, b), "1.500 s");
    ck_assert_str_eq(units_format_duration(90 * NS_PER_S, b), "90.0 s");
}
END_TEST

UNIT_MAIN("units", whole_numbers_are_read_within_their_bounds,
          what_is_not_a_whole_number_is_refused_and_quoted, sizes_are_powers_of_1024,
          what_is_not_a_size_is_refused, durations_have_a_unit_and_may_have_a_fraction,
          what_is_not_a_duration_is_refused, a_hostile_text_is_quoted_in_part_only,
          people_read_sizes_and_durations_in_fitting_units)
