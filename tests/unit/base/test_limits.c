/* test_limits.c - the limits table and its checks; one process. */
#include "sandbox/base/limits.h"

#include "tests/unit/base/unit.h"

START_TEST(every_row_is_found_by_name_and_has_its_field)
{
    struct limits l = { 0 };
    for (size_t i = 0; i < limits_count; i++) {
        const struct limit_row *row = &limits_table[i];
        ck_assert_ptr_eq(limits_find(row->name), row);
        *limits_at(&l, row) = (int64_t)i + 1;
    }
    for (size_t i = 0; i < limits_count; i++)
        ck_assert_int_eq(limits_get(&l, &limits_table[i]), (int64_t)i + 1);
    ck_assert_int_eq(l.cpu_time_ms, 1);
    ck_assert_ptr_null(limits_find("cpu_time"));
    ck_assert_ptr_null(limits_find(""));
}
END_TEST

START_TEST(the_shipped_defaults_lie_between_minimum_and_ceiling)
{
    struct limits run = limits_run_defaults(), compile = limits_compile_defaults();
    struct limits ceiling = limits_ceiling_defaults();
    struct err e;
    ck_assert_int_eq(limits_check(&run, &ceiling, &e), 0);
    ck_assert_int_eq(limits_check(&compile, &ceiling, &e), 0);
    ck_assert_int_eq(limits_check(&ceiling, &ceiling, &e), 0);
}
END_TEST

START_TEST(units_are_part_of_the_names)
{
    for (size_t i = 0; i < limits_count; i++) {
        const struct limit_row *row = &limits_table[i];
        const char *tail = strrchr(row->name, '_');
        ck_assert_ptr_nonnull(tail);
        ck_assert_str_eq(tail + 1, row->unit);
        ck_assert_uint_gt(strlen(row->help), 10);
    }
}
END_TEST

START_TEST(a_value_at_the_edge_passes_and_one_past_it_is_named)
{
    struct limits ceiling = limits_ceiling_defaults();
    for (size_t i = 0; i < limits_count; i++) {
        const struct limit_row *row = &limits_table[i];
        int64_t edges[] = { row->min, row->ceiling_default };
        int64_t wrong[] = { row->min - 1, row->ceiling_default + 1, INT64_MIN, INT64_MAX };
        for (size_t k = 0; k < sizeof edges / sizeof edges[0]; k++) {
            struct limits l = limits_run_defaults();
            struct err e;
            *limits_at(&l, row) = edges[k];
            ck_assert_int_eq(limits_check(&l, &ceiling, &e), 0);
        }
        for (size_t k = 0; k < sizeof wrong / sizeof wrong[0]; k++) {
            struct limits l = limits_run_defaults();
            struct err e;
            *limits_at(&l, row) = wrong[k];
            ck_assert_int_eq(limits_check(&l, &ceiling, &e), -1);
            ck_assert_int_eq(e.kind, ERR_INPUT);
            ck_assert_has(e.msg, row->name);
        }
    }
}
END_TEST

UNIT_MAIN("limits", every_row_is_found_by_name_and_has_its_field,
          the_shipped_defaults_lie_between_minimum_and_ceiling, units_are_part_of_the_names,
          a_value_at_the_edge_passes_and_one_past_it_is_named)
