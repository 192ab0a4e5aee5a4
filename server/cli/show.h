/* show.h - a submission's result, as the API gives it, for people. */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "sandbox/base/buf.h"
#include "server/cli/term.h"

/* Append the whole result: verdict, compile step, a table of tests, the output of a lone test. */
void show_result(const json_t *result, const struct term *term, struct buf *b);

/* Append "12.3 ms", "1.234 s"; "-" for anything but a number. `ms` as the API writes it. */
void show_ms(const json_t *ms, struct buf *b);

/* Append "1.5 MiB"; "-" for anything but a number that is not negative. */
void show_bytes(const json_t *bytes, struct buf *b);

/* The exit status that a finished or unfinished submission means (enum cli_exit). */
int show_exit_status(const json_t *submission);

/* Whether its status is "done" or "cancelled". */
bool show_finished(const json_t *submission);
