/* test_problem.c - RFC 9457 documents; one process. */
#include "server/problem.h"

#include "tests/unit/server/unit.h"

static json_t *written(const struct problem *p)
{
    auto_buf_ struct buf b = { 0 };
    problem_write(p, &b);
    json_t *j = json_loads(buf_text(&b), JSON_REJECT_DUPLICATES, NULL);
    ck_assert_msg(j != NULL, "no JSON: %s", buf_text(&b));
    return j;
}

START_TEST(a_problem_has_type_title_status_and_detail)
{
    auto_problem_ struct problem p = { 0 };
    problem_set(&p, PROBLEM_TOO_LARGE, "at most %d", 5);
    auto_json_ json_t *j = written(&p);
    const char *type = NULL, *title = NULL, *detail = NULL;
    int status = 0;
    ck_assert_int_eq(json_unpack(j, "{s:s,s:s,s:i,s:s}", "type", &type, "title", &title, "status",
                                 &status, "detail", &detail),
                     0);
    ck_assert_str_eq(type, "urn:minos:problem:body-too-large");
    ck_assert_int_eq(status, 413);
    ck_assert_uint_eq(problem_status(&p), 413);
    ck_assert_str_eq(detail, "at most 5");
    ck_assert_ptr_null(json_object_get(j, "errors"));
}
END_TEST

START_TEST(faults_are_listed_with_field_value_and_expectation)
{
    auto_problem_ struct problem p = { 0 };
    problem_fault(&p, "a", "5", "less than %d", 5);
    problem_fault(&p, "b\"c", NULL, "something");
    ck_assert_int_eq(p.id, PROBLEM_INVALID);
    auto_json_ json_t *j = written(&p);
    json_t *errors = json_object_get(j, "errors");
    ck_assert_uint_eq(json_array_size(errors), 2);
    const json_t *one = json_array_get(errors, 0), *two = json_array_get(errors, 1);
    ck_assert_int_eq(json_integer_value(json_object_get(one, "value")), 5);
    ck_assert_str_eq(json_string_value(json_object_get(one, "expected")), "less than 5");
    ck_assert_str_eq(json_string_value(json_object_get(two, "field")), "b\"c");
    ck_assert(json_is_null(json_object_get(two, "value")));
}
END_TEST

START_TEST(a_thousand_faults_are_counted_and_a_hundred_shown)
{
    auto_problem_ struct problem p = { 0 };
    for (int i = 0; i < 1000; i++)
        problem_fault(&p, "x", "1", "y");
    auto_json_ json_t *j = written(&p);
    ck_assert_uint_eq(json_array_size(json_object_get(j, "errors")), PROBLEM_FAULTS_MAX);
    ck_assert_int_eq(json_integer_value(json_object_get(j, "errors_not_shown")), 900);
}
END_TEST

START_TEST(a_message_cut_within_a_character_stays_a_string)
{
    auto_problem_ struct problem p = { 0 };
    problem_set(&p, PROBLEM_BAD_JSON, "near '\xc3");
    auto_json_ json_t *j = written(&p);
    ck_assert_str_eq(json_string_value(json_object_get(j, "detail")), "near '\xef\xbf\xbd");
}
END_TEST

UNIT_MAIN("problem", a_problem_has_type_title_status_and_detail,
          faults_are_listed_with_field_value_and_expectation,
          a_thousand_faults_are_counted_and_a_hundred_shown,
          a_message_cut_within_a_character_stays_a_string)
