/*
 * rerun.h - a test whose cpu time is near its limit, run again: whether a program is just fast
 * enough should not hang on the mood of the machine in one run.
 *
 * Near is: stopped for its cpu time, or ended by itself with no less than the limit minus
 * run.rerun_margin percent. Then it is run up to run.rerun_count times more, until the runs that
 * ran out of time, or those that did not, are the majority of what there could be; of an even
 * number of runs that are split, those in time count. The one with the median cpu time among these
 * is the test's result; how the cpu times of all runs lay is told beside it.
 */
#pragma once

#include "worker/test_run.h"

enum { RERUNS_MAX = 20 }; /* run.rerun_count at most */

/* test_run, and again where that is asked for. */
must_check_ int rerun_test(const struct judge *j, struct job *job, size_t index,
                           struct test_run *ret, bool *ret_stopped, struct err *e);

/* Whether a run that used cpu_ns of limit_ms is near. */
bool rerun_is_near(int64_t cpu_ns, int64_t limit_ms, int64_t margin_percent);

/* Whether the runs made so far decide, and how: of `count` + 1 runs at most, `late` ran out of
 * time and `timely` did not. *ret_late is set when true is returned. */
bool rerun_decided(int64_t count, int64_t late, int64_t timely, bool *ret_late);
