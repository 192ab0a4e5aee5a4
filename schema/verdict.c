/* verdict.c - names and ranks of verdicts, from verdict.def; server and worker. */
#include "schema/verdict.h"

#include <stddef.h>
#include <string.h>

struct row {
    const char *name;
    bool accepted;
    int severity;
    const char *help;
};

static const struct row rows[VERDICT_COUNT] = {
    [VERDICT_NONE] = { "none", false, 0, "not known yet" },
#define VERDICT(id, name, accepted, severity, help)                                                \
    [VERDICT_##id] = { name, accepted, severity, help },
#include "schema/verdict.def"
#undef VERDICT
};

static const struct row *row_of(enum verdict v)
{
    return (unsigned)v < VERDICT_COUNT ? &rows[v] : &rows[VERDICT_NONE];
}

const char *verdict_name(enum verdict v)
{
    return row_of(v)->name;
}

enum verdict verdict_from_name(const char *name)
{
    for (int v = VERDICT_NONE + 1; v < VERDICT_COUNT; v++) {
        if (strcmp(rows[v].name, name) == 0)
            return (enum verdict)v;
    }
    return VERDICT_NONE;
}

int verdict_severity(enum verdict v)
{
    return row_of(v)->severity;
}

bool verdict_is_accepted(enum verdict v)
{
    return row_of(v)->accepted;
}

const char *verdict_help(enum verdict v)
{
    return row_of(v)->help;
}
