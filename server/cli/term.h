/* term.h - output for people: colours where a terminal takes them, and tables with aligned columns.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "sandbox/base/buf.h"

enum term_tint { TERM_PLAIN, TERM_GOOD, TERM_BAD, TERM_ODD, TERM_FAINT, TERM_BOLD };

struct term {
    bool colour; /* NO_COLOR is unset and empty, TERM is not "dumb", and it is a terminal */
    bool live;   /* it is a terminal: lines may be rewritten */
};

/* What `fd` can do. */
struct term term_of(int fd);

/* Append text in a tint. */
void term_text(const struct term *t, enum term_tint tint, const char *text, struct buf *b);

/* The tint of a verdict by name; "" and unknown ones are plain. */
enum term_tint term_verdict_tint(const char *verdict);

struct term_cell {
    char *text;
    enum term_tint tint;
};

/* Rows of cells; the first row is the heading. */
struct term_table {
    const char *align; /* a letter a column: 'l' or 'r' */
    size_t columns, cell_count;
    struct term_cell *cells;
};

#define auto_table_ __attribute__((cleanup(term_table_done)))

/* Headings, one for each letter of `align`. */
void term_table_init(struct term_table *t, const char *align, const char *const *headings);
void term_table_done(struct term_table *t);

/* Add the next cell, row by row. Text is made safe to show (text_visible) and newlines become
 * blanks. */
void term_cell(struct term_table *t, enum term_tint tint, const char *text);
void term_cellf(struct term_table *t, enum term_tint tint, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Append the table, two blanks between columns, no blanks at line ends. */
void term_table_print(const struct term_table *t, const struct term *term, struct buf *b);
