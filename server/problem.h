/* problem.h - what is wrong with a request: one RFC 9457 problem with a list of faults. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sandbox/base/buf.h"
#include "sandbox/base/err.h"

enum problem_id {
    PROBLEM_NONE,
#define PROBLEM(id, status, name, title) PROBLEM_##id,
#include "server/problem.def"
#undef PROBLEM
};

enum { PROBLEM_FAULTS_MAX = 100 };

/* One row of "errors". All three are owned by the problem. */
struct problem_fault {
    char *field; /* "tests[3].limits.cpu_time_ms" */
    char *value; /* as JSON, cut when long */
    char *expected;
};

struct problem {
    enum problem_id id;
    char detail[ERR_MESSAGE_BYTES];
    const char *quota;      /* QUOTA: its name (static text) ... */
    int64_t quota_limit;    /* ... and value */
    int64_t retry_after_ms; /* QUOTA and BUSY: when to come again; 0: soon */
    struct problem_fault faults[PROBLEM_FAULTS_MAX];
    size_t fault_count;
    size_t dropped_count; /* faults beyond the maximum */
};

#define auto_problem_ __attribute__((cleanup(problem_done)))

void problem_done(struct problem *p);

/* Make it this problem (what was there is replaced, faults are kept). */
void problem_set(struct problem *p, enum problem_id id, const char *fmt, ...) format_(3, 4);

/* Add a fault; the problem becomes INVALID unless it is one already. `value_json` NULL: null. */
void problem_fault(struct problem *p, const char *field, const char *value_json, const char *fmt,
                   ...) format_(4, 5);

unsigned problem_status(const struct problem *p);
const char *problem_name(enum problem_id id); /* "bad-json" */

/* Append it as application/problem+json. */
void problem_write(const struct problem *p, struct buf *b);
