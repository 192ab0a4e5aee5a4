/* record.h - one result of an attempt, told to the store by itself; for tests that look at what
 * lies between two. */
#pragma once

#include "schema/store.h"

must_check_ static inline int record_one_compile(struct store *s, const struct claim *c,
                                                 const char *language_version,
                                                 const struct compile_result *r, bool *ret_mine,
                                                 struct err *e)
{
    const struct attempt a = { .compile = r, .language_version = language_version };
    return queue_record(s, c, &a, ret_mine, e);
}

must_check_ static inline int record_one_test(struct store *s, const struct claim *c,
                                              const struct test_result *r, bool *ret_mine,
                                              struct err *e)
{
    const struct attempt a = { .tests = &r, .test_count = 1 };
    return queue_record(s, c, &a, ret_mine, e);
}
