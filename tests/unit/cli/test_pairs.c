/* test_pairs.c - finding the tests in a folder; one process. */
#include "server/cli/pairs.h"

#include "tests/unit/cli/unit.h"

/* Make the files and look; the names found, with commas, or the error. */
static char *look(const char *const *files)
{
    char *folder = unit_folder();
    auto_buf_ struct buf b = { 0 };
    struct err e;
    struct pairs p = { 0 };
    for (; *files != NULL; files++)
        unit_write(folder, *files, *files);
    if (pairs_find(folder, &p, &e) < 0)
        buf_puts(&b, e.msg);
    for (size_t i = 0; i < p.count; i++) {
        ck_assert_int_eq(access(p.items[i].input, R_OK), 0);
        ck_assert_int_eq(access(p.items[i].output, R_OK), 0);
        buf_printf(&b, "%s%s", i > 0 ? "," : "", p.items[i].name);
    }
    pairs_done(&p);
    unit_remove(folder);
    return buf_take(&b);
}

#define LOOK(...) look((const char *const[]){ __VA_ARGS__, NULL })
#define expect_pairs(want, ...)                                                                    \
    do {                                                                                           \
        auto_free_ char *got = LOOK(__VA_ARGS__);                                                  \
        ck_assert_str_eq(got, want);                                                               \
    } while (0)
#define expect_refusal(part, ...)                                                                  \
    do {                                                                                           \
        auto_free_ char *got = LOOK(__VA_ARGS__);                                                  \
        ck_assert_has(got, part);                                                                  \
    } while (0)

START_TEST(in_and_out_are_a_pair)
{
    expect_pairs("1", "1.in", "1.out");
    expect_pairs("sample", "sample.in", "sample.ans");
}
END_TEST

START_TEST(tests_come_in_the_order_people_count)
{
    expect_pairs("1,2,10", "10.in", "10.out", "2.in", "2.out", "1.in", "1.out");
    expect_pairs("a2,a10,b1", "b1.in", "b1.out", "a10.in", "a10.out", "a2.in", "a2.out");
}
END_TEST

START_TEST(input_and_output_may_lead_the_name)
{
    expect_pairs("1,2", "input1.txt", "output1.txt", "input2.txt", "output2.txt");
}
END_TEST

START_TEST(folders_of_inputs_and_outputs_are_joined)
{
    expect_pairs("1,2", "input/1.txt", "output/1.txt", "input/2.txt", "output/2.txt");
    expect_pairs("00,01", "input/input00.txt", "output/output00.txt", "input/input01.txt",
                 "output/output01.txt");
    expect_pairs("a", "in/a", "ans/a");
    expect_pairs("small/1", "input-small/1", "output-small/1");
}
END_TEST

START_TEST(other_files_are_left_alone)
{
    expect_pairs("1", "1.in", "1.out", "README.md", "solution.py", "include/x.h", ".hidden.in");
}
END_TEST

START_TEST(what_lacks_its_partner_is_named)
{
    expect_refusal("2.in has no partner", "1.in", "1.out", "2.in");
    expect_refusal("2.ans has no partner", "1.in", "1.out", "2.ans");
    expect_refusal("input/7.txt has no partner", "input/7.txt", "output/8.txt");
}
END_TEST

START_TEST(two_outputs_for_one_input_are_refused)
{
    expect_refusal("both the expected output of test 1", "1.in", "1.out", "1.ans");
}
END_TEST

START_TEST(a_folder_without_tests_is_refused)
{
    expect_refusal("holds no tests", "README");
    struct pairs p;
    struct err e;
    ck_assert_int_eq(pairs_find("/nonexistent", &p, &e), -1);
    ck_assert_int_eq(e.kind, ERR_INPUT);
}
END_TEST

START_TEST(numbers_within_names_are_compared_as_numbers)
{
    ck_assert_int_lt(pairs_compare_names("2", "10"), 0);
    ck_assert_int_lt(pairs_compare_names("a9b", "a10a"), 0);
    ck_assert_int_eq(pairs_compare_names("007", "7"), 0);
    ck_assert_int_lt(pairs_compare_names("a", "ab"), 0);
    ck_assert_int_gt(pairs_compare_names("99999999999999999999999", "1"), 0);
}
END_TEST

UNIT_MAIN("pairs", in_and_out_are_a_pair, tests_come_in_the_order_people_count,
          input_and_output_may_lead_the_name, folders_of_inputs_and_outputs_are_joined,
          other_files_are_left_alone, what_lacks_its_partner_is_named,
          two_outputs_for_one_input_are_refused, a_folder_without_tests_is_refused,
          numbers_within_names_are_compared_as_numbers)
