/* test_err.c - struct err: kinds, context, cutting; one process. */
#include "sandbox/base/err.h"

#include <errno.h>

#include "tests/unit/base/unit.h"

START_TEST(an_error_carries_its_kind_and_message)
{
    struct err e;
    ck_assert_int_eq(err_input(&e, "expected %d", 3), -1);
    ck_assert_int_eq(e.kind, ERR_INPUT);
    ck_assert_int_eq(e.errnum, 0);
    ck_assert_str_eq(e.msg, "expected 3");
    ck_assert_int_eq(err_busy(&e, "later"), -1);
    ck_assert_int_eq(e.kind, ERR_BUSY);
    ck_assert_int_eq(err_bug(&e, "oh"), -1);
    ck_assert_int_eq(e.kind, ERR_BUG);
}
END_TEST

START_TEST(a_system_error_says_why)
{
    struct err e;
    errno = ENOENT;
    ck_assert_int_eq(err_sys(&e, "open %s", "x"), -1);
    ck_assert_int_eq(e.kind, ERR_SYS);
    ck_assert_int_eq(e.errnum, ENOENT);
    ck_assert_str_eq(e.msg, "open x: No such file or directory");
    ck_assert_int_eq(err_set(&e, ERR_SYS, 0, "plain"), -1);
    ck_assert_str_eq(e.msg, "plain");
    ck_assert_int_eq(err_set(&e, ERR_BUSY, 123456, "odd"), -1);
    ck_assert_str_eq(e.msg, "odd: unknown error");
}
END_TEST

START_TEST(wrapping_puts_context_in_front_and_keeps_the_rest)
{
    struct err e;
    errno = EACCES;
    ck_assert_int_eq(err_sys(&e, "read"), -1);
    ck_assert_int_eq(err_wrap(&e, "line %d", 3), -1);
    ck_assert_int_eq(err_wrap(&e, "minos.yaml"), -1);
    ck_assert_str_eq(e.msg, "minos.yaml: line 3: read: Permission denied");
    ck_assert_int_eq(e.errnum, EACCES);
    ck_assert_int_eq(e.kind, ERR_SYS);
}
END_TEST

START_TEST(a_message_that_is_too_long_is_cut_not_overrun)
{
    struct err e;
    char text[2 * ERR_MESSAGE_BYTES];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    errno = EIO;
    ck_assert_int_eq(err_sys(&e, "%s", text), -1);
    ck_assert_uint_eq(strlen(e.msg), ERR_MESSAGE_BYTES - 1);
    ck_assert_int_eq(err_wrap(&e, "%s", text), -1);
    ck_assert_uint_eq(strlen(e.msg), ERR_MESSAGE_BYTES - 1);
    ck_assert_int_eq(err_input(&e, "%.*s", ERR_MESSAGE_BYTES - 3, text), -1);
    ck_assert_int_eq(err_wrap(&e, "context"), -1);
    ck_assert_uint_eq(strlen(e.msg), ERR_MESSAGE_BYTES - 1);
    ck_assert_int_eq(strncmp(e.msg, "context: xxx", 12), 0);
}
END_TEST

START_TEST(every_kind_has_a_name)
{
    ck_assert_str_eq(err_kind_name(ERR_INPUT), "input");
    ck_assert_str_eq(err_kind_name(ERR_BUSY), "busy");
    ck_assert_str_eq(err_kind_name(ERR_SYS), "sys");
    ck_assert_str_eq(err_kind_name(ERR_BUG), "bug");
    ck_assert_str_eq(err_kind_name((enum err_kind)99), "unknown");
}
END_TEST

UNIT_MAIN("err", an_error_carries_its_kind_and_message, a_system_error_says_why,
          wrapping_puts_context_in_front_and_keeps_the_rest,
          a_message_that_is_too_long_is_cut_not_overrun, every_kind_has_a_name)
