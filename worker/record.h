/*
 * record.h - what a submission comes to, on its way into the store; slots.
 *
 * Nobody waits for it before the verdict, except for somebody who watches, and nothing is lost with
 * it: a slot that dies takes its attempt along. So results wait, RECORD_LATE_MS at the most, and
 * what was decided sooner is one durable transaction: compile, tests and verdict.
 */
#pragma once

#include "worker/judge.h"
#include "worker/test_run.h"

enum {
    RECORD_LATE_MS = 20,
    RECORD_TESTS_MAX = 16,
    RECORD_KEPT_BYTES = 1 << 20, /* outputs that wait; beyond it they are written at once */
};

struct record {
    const struct judge *j;
    const struct job *job;
    bool compile_waits;
    struct compile_result compile;
    struct buf diagnostics;
    struct test_run tests[RECORD_TESTS_MAX];
    size_t test_count;
    int64_t kept_bytes;
    int64_t due_mono_ns; /* INT64_MAX: nothing waits */
};

#define auto_record_ __attribute__((cleanup(record_done)))

/* Both are borrowed. From now on, while a program of `job` runs, its lease writes what is due. */
void record_init(struct record *r, const struct judge *j, const struct job *job);

/* What was not written is dropped. */
void record_done(struct record *r);

/* How the compile ended (`present` false: the language has none). Takes what both hold. */
void record_compile(struct record *r, struct compile_result *result, struct buf *diagnostics);

/* How the next test ended. Takes what it holds. Then call record_due. */
void record_test(struct record *r, struct test_run *t);

/* Write what waits, if that is due. *ret_mine false: the claim is lost. */
must_check_ int record_due(struct record *r, bool *ret_mine, struct err *e);

/* Write what waits and the verdict, durably. */
must_check_ int record_end(struct record *r, enum verdict v, bool *ret_mine, struct err *e);
