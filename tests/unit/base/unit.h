/* unit.h - what every unit test program shares: a main over one list of tests. */
#pragma once

#include <check.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* Run `tests` as one suite in libcheck's way; the process's exit status. */
static inline int unit_main(const char *name, const TTest *const tests[], size_t count)
{
    Suite *suite = suite_create(name);
    TCase *tcase = tcase_create(name);
    for (size_t i = 0; i < count; i++)
        tcase_add_test(tcase, tests[i]);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}

/* The main of a program: UNIT_MAIN("yaml", first_test, second_test). */
#define UNIT_MAIN(name, ...)                                                                       \
    int main(void)                                                                                 \
    {                                                                                              \
        const TTest *const tests[] = { __VA_ARGS__ };                                              \
        return unit_main(name, tests, sizeof tests / sizeof tests[0]);                             \
    }

/* The text holds the part; prints both when it does not. */
#define ck_assert_has(text, part)                                                                  \
    ck_assert_msg(strstr(text, part) != NULL, "expected \"%s\" in \"%s\"", part, text)
