/* test_clock.c - clocks and their text; one process. */
#include "sandbox/base/clock.h"

#include "tests/unit/base/unit.h"

START_TEST(the_monotonic_clock_does_not_go_back)
{
    int64_t before = clock_mono_ns();
    for (int i = 0; i < 1000; i++) {
        int64_t now = clock_mono_ns();
        ck_assert_int_ge(now, before);
        before = now;
    }
}
END_TEST

START_TEST(the_wall_clock_is_in_ms_since_1970)
{
    ck_assert_int_gt(clock_unix_ms(), INT64_C(1600000000000));
    ck_assert_int_lt(clock_unix_ms(), INT64_C(16000000000000));
}
END_TEST

START_TEST(instants_are_written_in_utc_with_ms)
{
    char b[CLOCK_RFC3339_BYTES];
    ck_assert_str_eq(clock_rfc3339(0, b), "1970-01-01T00:00:00.000Z");
    ck_assert_str_eq(clock_rfc3339(INT64_C(1767323045678), b), "2026-01-02T03:04:05.678Z");
    ck_assert_str_eq(clock_rfc3339(INT64_C(951782400005), b), "2000-02-29T00:00:00.005Z");
}
END_TEST

START_TEST(an_absurd_instant_does_not_overrun_its_buffer)
{
    char b[CLOCK_RFC3339_BYTES];
    ck_assert_uint_lt(strlen(clock_rfc3339(INT64_MAX, b)), sizeof b);
    ck_assert_uint_lt(strlen(clock_rfc3339(INT64_MIN, b)), sizeof b);
}
END_TEST

UNIT_MAIN("clock", the_monotonic_clock_does_not_go_back, the_wall_clock_is_in_ms_since_1970,
          instants_are_written_in_utc_with_ms, an_absurd_instant_does_not_overrun_its_buffer)
