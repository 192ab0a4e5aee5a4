/*
 * expand.h - the placeholders of language files: ${name} in commands and environments. No shell is
 * involved: one argument stays one argument, whatever bytes a file name has. ${sources} alone is an
 * argument and becomes many; so is ${prepared}.
 */
#pragma once

#include <stdint.h>

#include "sandbox/base/err.h"
#include "worker/text_list.h"

/* What the placeholders stand for; see expand.def. Borrowed. */
struct expand_vars {
    const char *source;
    const char *entry_point;
    const struct text_list *sources;
    const struct text_list *prepared; /* NULL: nothing */
    int64_t memory_bytes, stack_bytes, cpus;
};

/* Refuse a placeholder that is not known, not closed, or ${sources} or ${prepared} beside other
 * text. ERR_INPUT.
 */
must_check_ int expand_check(const char *text, struct err *e);

/* Append each of `in` to `out`, placeholders replaced. The texts passed expand_check. A file name
 * that begins with '-' becomes "./-..." so that no tool takes it for an option. */
void expand_list(const struct text_list *in, const struct expand_vars *vars, struct text_list *out);
