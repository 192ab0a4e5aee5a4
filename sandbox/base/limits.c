/* limits.c - the limits table; every process. */
#include "sandbox/base/limits.h"

#include <inttypes.h>
#include <string.h>

#include "sandbox/base/cleanup.h"

const struct limit_row limits_table[] = {
#define LIMIT(name, kind, unit, min, run, compile, ceiling, help)                                  \
    { #name, LIMIT_##kind, unit, min, run, compile, ceiling, help, offsetof(struct limits, name) },
#include "sandbox/base/limits.def"
#undef LIMIT
};
const size_t limits_count = ARRAY_COUNT(limits_table);

int64_t *limits_at(struct limits *l, const struct limit_row *row)
{
    return (int64_t *)((char *)l + row->offset);
}

int64_t limits_get(const struct limits *l, const struct limit_row *row)
{
    return *limits_at((struct limits *)(uintptr_t)l, row);
}

struct limits limits_run_defaults(void)
{
    struct limits l;
    for (size_t i = 0; i < limits_count; i++)
        *limits_at(&l, &limits_table[i]) = limits_table[i].run_default;
    return l;
}

struct limits limits_compile_defaults(void)
{
    struct limits l;
    for (size_t i = 0; i < limits_count; i++)
        *limits_at(&l, &limits_table[i]) = limits_table[i].compile_default;
    return l;
}

struct limits limits_ceiling_defaults(void)
{
    struct limits l;
    for (size_t i = 0; i < limits_count; i++)
        *limits_at(&l, &limits_table[i]) = limits_table[i].ceiling_default;
    return l;
}

const struct limit_row *limits_find(const char *name)
{
    for (size_t i = 0; i < limits_count; i++)
        if (strcmp(limits_table[i].name, name) == 0)
            return &limits_table[i];
    return NULL;
}

int limits_check(const struct limits *l, const struct limits *ceiling, struct err *e)
{
    for (size_t i = 0; i < limits_count; i++) {
        const struct limit_row *row = &limits_table[i];
        int64_t v = limits_get(l, row), max = limits_get(ceiling, row);
        if (v < row->min || v > max)
            return err_input(e, "limits.%s: expected %" PRId64 " to %" PRId64 " %s, got %" PRId64,
                             row->name, row->min, max, row->unit, v);
    }
    return 0;
}
