/* test_run.h - one test: the program in a fresh cell, its output compared while it runs. */
#pragma once

#include <stdbool.h>

#include "worker/judge.h"
#include "worker/keep.h"

/* The result of a test before it is stored: the record, and the outputs that go with it. */
struct test_run {
    struct test_result result;
    struct keep stdout_keep, stderr_keep;
};

#define auto_test_run_ __attribute__((cleanup(test_run_done)))

/* Run test `index` of the job. *ret_stopped: the lease ended it, the result means nothing. While it
 * runs the test after it is made ready, in job->next. */
must_check_ int test_run(const struct judge *j, struct job *job, size_t index, struct test_run *ret,
                         bool *ret_stopped, struct err *e);

/* Drop job->next, here and in the box. */
void test_run_forget_next(const struct judge *j, struct job *job);
void test_run_done(struct test_run *t);

/* Store the outputs, in the open transaction, so that the result can be recorded. */
must_check_ int test_run_keep(struct test_run *t, struct store *s, struct err *e);
