/* test_names.c - languages, API keys, and the names of verdicts, states and comparers. */
#include "tests/unit/schema/unit.h"

START_TEST(languages_come_back_in_order_and_are_replaced_whole)
{
    auto_place_ struct place p = place_new();
    struct err e;
    struct language_record *rows = NULL;
    size_t count = 0;
    const struct language_record in[] = {
        { TEXT("cpp17"), TEXT("C++17"), TEXT("12.2.0"), true, TEXT("g++"), TEXT("main.cpp"), NULL },
        { TEXT("ada"), TEXT("Ada"), NULL, false, TEXT("gnat"), TEXT("main.adb"), TEXT("{}") },
    };
    ck_ok(languages_replace(p.s, in, 2, &e));
    ck_ok(languages_replace(p.s, in, 2, &e));
    ck_ok(languages_load(p.s, &rows, &count, &e));
    ck_assert_uint_eq(count, 2);
    ck_assert_str_eq(rows[0].id, "cpp17");
    ck_assert_str_eq(rows[0].version, "12.2.0");
    ck_assert(rows[0].available);
    ck_assert_ptr_null(rows[0].detail_json);
    ck_assert_str_eq(rows[1].package, "gnat");
    ck_assert_ptr_null(rows[1].version);
    ck_assert(!rows[1].available);
    languages_free(rows, count);
    ck_ok(languages_replace(p.s, NULL, 0, &e));
    ck_ok(languages_load(p.s, &rows, &count, &e));
    ck_assert_uint_eq(count, 0);
    languages_free(rows, count);
}
END_TEST

START_TEST(two_languages_of_one_id_change_nothing)
{
    auto_place_ struct place p = place_new();
    struct err e;
    struct language_record *rows = NULL;
    size_t count = 0;
    const struct language_record one = { .id = TEXT("c"), .name = TEXT("C") };
    const struct language_record twice[] = { one, one };
    ck_ok(languages_replace(p.s, &one, 1, &e));
    ck_fails(languages_replace(p.s, twice, 2, &e), ERR_BUG, "language c");
    ck_ok(languages_load(p.s, &rows, &count, &e));
    ck_assert_uint_eq(count, 1);
    languages_free(rows, count);
}
END_TEST

START_TEST(a_key_is_found_by_its_secret_until_it_is_revoked)
{
    auto_place_ struct place p = place_new();
    struct err e;
    struct api_key made, found_key;
    auto_free_ char *secret = NULL;
    bool found = false;
    ck_ok(key_new(p.s, "ci", KEY_SUBMIT | KEY_READ, NULL, &made, &secret, &e));
    ck_assert_uint_eq(strlen(secret), 47);
    ck_assert_int_eq(strncmp(secret, "mns_", 4), 0);
    ck_ok(key_find(p.s, secret, &found_key, &found, &e));
    ck_assert(found);
    ck_assert_int_eq(found_key.id, made.id);
    ck_assert_uint_eq(found_key.scopes, KEY_SUBMIT | KEY_READ);
    ck_assert_str_eq(found_key.name, "ci");
    api_key_done(&found_key);
    ck_ok(key_revoke(p.s, made.id, &found, &e));
    ck_assert(found);
    ck_ok(key_revoke(p.s, made.id, &found, &e));
    ck_assert(!found);
    ck_ok(key_find(p.s, secret, &found_key, &found, &e));
    ck_assert(!found);
    api_key_done(&made);
}
END_TEST

START_TEST(a_wrong_secret_finds_no_key)
{
    auto_place_ struct place p = place_new();
    struct err e;
    struct api_key made, other;
    auto_free_ char *secret = NULL;
    bool found = true;
    ck_ok(key_new(p.s, "ci", KEY_ADMIN, NULL, &made, &secret, &e));
    secret[46] = secret[46] == 'A' ? 'B' : 'A';
    ck_ok(key_find(p.s, secret, &other, &found, &e));
    ck_assert(!found);
    ck_ok(key_find(p.s, "", &other, &found, &e));
    ck_assert(!found);
    api_key_done(&made);
}
END_TEST

START_TEST(secrets_differ_and_are_not_stored)
{
    auto_place_ struct place p = place_new();
    struct err e;
    struct api_key a, b, *all = NULL;
    auto_free_ char *one = NULL, *two = NULL;
    size_t count = 0;
    ck_ok(key_new(p.s, "a", 1, NULL, &a, &one, &e));
    ck_ok(key_new(p.s, "b", 2, NULL, &b, &two, &e));
    ck_assert_str_ne(one, two);
    ck_ok(key_list(p.s, &all, &count, &e));
    ck_assert_uint_eq(count, 2);
    ck_assert_str_eq(all[1].name, "b");
    ck_assert_int_gt(all[1].created_unix_ms, 0);
    api_keys_free(all, count);
    api_key_done(&a);
    api_key_done(&b);
    store_close(p.s);
    p.s = NULL;
    auto_buf_ struct buf file;
    auto_free_ char *path = xasprintf("%s/%s", p.dir, DB_FILE_NAME);
    buf_init(&file, 0);
    ck_ok(io_read_file(AT_FDCWD, path, 1 << 24, &file, &e));
    ck_assert_ptr_null(memmem(file.data, file.len, one, strlen(one)));
    ck_assert_ptr_null(memmem(file.data, file.len, one + 4, 20));
}
END_TEST

START_TEST(each_verdict_has_a_name_that_leads_back)
{
    for (int v = VERDICT_NONE + 1; v < VERDICT_COUNT; v++) {
        ck_assert_int_eq(verdict_from_name(verdict_name((enum verdict)v)), v);
        ck_assert_int_gt(strlen(verdict_help((enum verdict)v)), 0);
        ck_assert_int_eq(verdict_is_accepted((enum verdict)v), v == VERDICT_ACCEPTED);
    }
    ck_assert_str_eq(verdict_name(VERDICT_NONE), "none");
    ck_assert_str_eq(verdict_name((enum verdict)99), "none");
    ck_assert_int_eq(verdict_from_name("none"), VERDICT_NONE);
    ck_assert_int_eq(verdict_from_name("ACCEPTED"), VERDICT_NONE);
    ck_assert_int_gt(verdict_severity(VERDICT_COMPILE_ERROR),
                     verdict_severity(VERDICT_WRONG_ANSWER));
}
END_TEST

START_TEST(the_numbers_of_verdicts_that_are_stored_stay)
{
    ck_assert_int_eq(VERDICT_ACCEPTED, 1);
    ck_assert_int_eq(VERDICT_WRONG_ANSWER, 2);
    ck_assert_int_eq(VERDICT_COMPILE_ERROR, 12);
    ck_assert_int_eq(VERDICT_INTERNAL_ERROR, 15);
    ck_assert_int_eq(SUBMISSION_QUEUED, 1);
    ck_assert_int_eq(SUBMISSION_DONE, 5);
    ck_assert_int_eq(SUBMISSION_CANCELLED, 6);
}
END_TEST

START_TEST(states_and_comparers_have_names_that_lead_back)
{
    for (int s = SUBMISSION_QUEUED; s <= SUBMISSION_CANCELLED; s++)
        ck_assert_int_eq(submission_state_from_name(submission_state_name(s)), s);
    for (int t = COMPARER_LINES; t <= COMPARER_FLOATS; t++)
        ck_assert_int_eq(comparer_type_from_name(comparer_type_name(t)), t);
    ck_assert_int_eq(submission_state_from_name("gone"), SUBMISSION_NONE);
    ck_assert_int_eq(comparer_type_from_name("gone"), 0);
    ck_assert_str_eq(submission_state_name(SUBMISSION_NONE), "none");
}
END_TEST

UNIT_MAIN("names", languages_come_back_in_order_and_are_replaced_whole,
          two_languages_of_one_id_change_nothing, a_key_is_found_by_its_secret_until_it_is_revoked,
          a_wrong_secret_finds_no_key, secrets_differ_and_are_not_stored,
          each_verdict_has_a_name_that_leads_back, the_numbers_of_verdicts_that_are_stored_stay,
          states_and_comparers_have_names_that_lead_back)
