/* verdict.h - enum verdict and its names, from verdict.def. */
#pragma once

#include <stdbool.h>

enum verdict {
    VERDICT_NONE = 0, /* not known yet */
#define VERDICT(id, name, accepted, severity, help) VERDICT_##id,
#include "schema/verdict.def"
#undef VERDICT
    VERDICT_COUNT
};

const char *verdict_name(enum verdict v);         /* "time_limit"; "none" for VERDICT_NONE */
enum verdict verdict_from_name(const char *name); /* VERDICT_NONE when unknown */
int verdict_severity(enum verdict v);
bool verdict_is_accepted(enum verdict v);
const char *verdict_help(enum verdict v);
