/*
 * opt.h - command lines by table: a row per option, whose kind picks the parser; the same rows
 * print the help.
 *
 *     static const struct opt_row rows[] = {
 *         { "listen", 'l', OPT_TEXT, offsetof(struct args, listen), "ADDRESS:PORT", "where to
 * serve" },
 *         ...
 *     };
 *
 * GNU style: --name VALUE, --name=VALUE, -x VALUE, `--` ends options. With stop_at_operand the
 * first operand ends them too.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sandbox/base/buf.h"
#include "sandbox/base/err.h"

enum opt_kind {
    OPT_FLAG,    /* bool */
    OPT_TEXT,    /* const char *: points into argv */
    OPT_INT,     /* int64_t, within [min, max] of the row */
    OPT_BYTES,   /* int64_t */
    OPT_TIME_MS, /* int64_t; "1.5s" -> 1500; below 1 ms is an error unless 0s */
    OPT_LIST,    /* struct opt_list: may be given many times */
};

enum { OPT_LIST_MAX = 256 };

struct opt_list {
    const char *items[OPT_LIST_MAX]; /* point into argv */
    size_t count;
};

struct opt_row {
    const char *name; /* long name without dashes */
    char letter;      /* short name or 0 */
    enum opt_kind kind;
    size_t offset;     /* of the target field in the args struct */
    const char *value; /* "SIZE" in the help; NULL for flags */
    const char *help;  /* one line or more (\n) */
    int64_t min, max;  /* OPT_INT: both 0 means no bound */
};

struct opt_spec {
    const char *usage; /* "minos run [OPTION]... -- COMMAND [ARG]..." */
    const char *about; /* paragraph(s) under the usage line */
    const struct opt_row *rows;
    size_t row_count;
    const char *after; /* text after the options: exit status, examples; may be NULL */
    bool stop_at_operand;
};

/* Parse argv[1..]; argv[0] is skipped. *ret_first is the index of the first operand. Operands that
 * come before options are permuted behind them unless stop_at_operand. --help is NOT handled here:
 * declare it as a flag. Errors quote the option and say what was expected. */
must_check_ int opt_parse(const struct opt_spec *spec, int argc, char **argv, void *args,
                          int *ret_first, struct err *e);

/* Append usage, about, the options in two columns, and `after`. */
void opt_help(const struct opt_spec *spec, struct buf *b);
