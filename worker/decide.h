/* decide.h - verdicts by table: decide.def for a test, verdict.def's severities for a submission.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "sandbox/box.h"
#include "schema/verdict.h"
#include "worker/compare.h"

/* What is known after a test has run. */
struct decide_facts {
    const struct box_outcome *outcome;
    enum compare_result comparison; /* 0: nothing was expected */
    bool memory_message;            /* standard error holds one of run.memory_messages */
};

enum verdict decide_test(const struct decide_facts *facts);

/* The worst of `count` verdicts, the first among equals; skipped ones do not count. ACCEPTED when
 * there are none. */
enum verdict decide_submission(const enum verdict *tests, size_t count);

/* Why, for people ("ended with exit code 3", "killed by SIGSEGV", "used more than 2 s of cpu
 * time"), or NULL when there is nothing to say: it ended well. The caller frees. */
char *decide_message(const struct decide_facts *facts, const struct limits *limits);
