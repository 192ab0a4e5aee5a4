/*
 * report.h - what the bench found: tables for people on the terminal, the same as JSON.
 *
 * A row is a JSON object; the columns of report.c say how its members are printed. A table is
 * printed as soon as it is whole, the JSON file is written at the end.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "sandbox/base/err.h"
#include "tests/bench/machine.h"

struct report {
    json_t *versions; /* program: what it calls itself */
    json_t *tables;
};

void report_init(struct report *r);
void report_done(struct report *r);

void report_version(struct report *r, const char *program, const char *version);

/* Begin a table; NULL-safe rows are added to what it returns, which the report owns. */
json_t *report_table(struct report *r, const char *suite, const char *title, const char *about);

/* A row with its name, the measured thing and the text for the reader; borrowed like its table. */
json_t *report_row(json_t *table, const char *name, const char *series, const char *about);

/* A number of a row, by its column's name; rounded to a millionth. */
void report_number(json_t *row, const char *column, double value);

/* A word of a row: "flat", or "missing", which stands for all its numbers. */
void report_text(json_t *row, const char *column, const char *text);

/* Print a table that is whole. */
void report_print(const json_t *table);

/* Say what everything was measured on. */
void report_print_machine(const struct report *r, const struct machine *m);

/* Write everything to `path`. */
must_check_ int report_write(const struct report *r, const struct machine *m, const char *path,
                             struct err *e);
