/* limits.h - `struct limits` and its table, both made from limits.def. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "sandbox/base/err.h"

/* What one command may use; one int64_t a row of limits.def, named and measured as there. */
struct limits {
#define LIMIT(name, kind, unit, min, run, compile, ceiling, help) int64_t name;
#include "sandbox/base/limits.def"
#undef LIMIT
};

enum limit_kind { LIMIT_COUNT, LIMIT_BYTES, LIMIT_TIME };

struct limit_row {
    const char *name; /* "cpu_time_ms" */
    enum limit_kind kind;
    const char *unit; /* "ms", "bytes", "count" */
    int64_t min, run_default, compile_default, ceiling_default;
    const char *help;
    size_t offset; /* of the int64_t within struct limits */
};

extern const struct limit_row limits_table[];
extern const size_t limits_count;

/* The field of `l` that `row` names. */
int64_t *limits_at(struct limits *l, const struct limit_row *row);
int64_t limits_get(const struct limits *l, const struct limit_row *row);

/* The shipped defaults. */
struct limits limits_run_defaults(void);
struct limits limits_compile_defaults(void);
struct limits limits_ceiling_defaults(void);

/* Row by name, NULL when there is none. */
const struct limit_row *limits_find(const char *name);

/* Check every field against the row's minimum and `ceiling`; ERR_INPUT names the first that is out
 * of range. */
must_check_ int limits_check(const struct limits *l, const struct limits *ceiling, struct err *e);
