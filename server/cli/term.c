/* term.c - colours and tables for people; the `minos` process. */
#include "server/cli/term.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sandbox/base/cleanup.h"
#include "sandbox/base/utf8.h"
#include "server/cli/text.h"

struct term term_of(int fd)
{
    const char *no_colour = getenv("NO_COLOR"), *kind = getenv("TERM");
    bool live = isatty(fd) == 1;
    bool refused =
        (no_colour != NULL && no_colour[0] != '\0') || kind == NULL || strcmp(kind, "dumb") == 0;
    return (struct term){ .live = live, .colour = live && !refused };
}

void term_text(const struct term *t, enum term_tint tint, const char *text, struct buf *b)
{
    static const char *const codes[] = {
        [TERM_PLAIN] = "",       [TERM_GOOD] = "\033[32m", [TERM_BAD] = "\033[31m",
        [TERM_ODD] = "\033[33m", [TERM_FAINT] = "\033[2m", [TERM_BOLD] = "\033[1m",
    };
    bool coloured = t->colour && tint != TERM_PLAIN;
    buf_printf(b, "%s%s%s", coloured ? codes[tint] : "", text, coloured ? "\033[0m" : "");
}

enum term_tint term_verdict_tint(const char *verdict)
{
    static const struct {
        const char *name;
        enum term_tint tint;
    } known[] = { { "", TERM_PLAIN },
                  { "none", TERM_PLAIN },
                  { "accepted", TERM_GOOD },
                  { "skipped", TERM_FAINT },
                  { "cancelled", TERM_ODD },
                  { "partial", TERM_ODD },
                  { "internal_error", TERM_ODD } };
    for (size_t i = 0; i < ARRAY_COUNT(known); i++)
        if (strcmp(verdict, known[i].name) == 0)
            return known[i].tint;
    return TERM_BAD;
}

static void add_cell(struct term_table *t, enum term_tint tint, char *text)
{
    t->cells = xrealloc(t->cells, (t->cell_count + 1) * sizeof t->cells[0]);
    t->cells[t->cell_count++] = (struct term_cell){ .text = text, .tint = tint };
}

void term_table_init(struct term_table *t, const char *align, const char *const *headings)
{
    *t = (struct term_table){ .align = align, .columns = strlen(align) };
    for (size_t i = 0; i < t->columns; i++)
        add_cell(t, TERM_FAINT, xstrdup(headings[i]));
}

void term_table_done(struct term_table *t)
{
    for (size_t i = 0; i < t->cell_count; i++)
        free(t->cells[i].text);
    free(t->cells);
    *t = (struct term_table){ 0 };
}

void term_cell(struct term_table *t, enum term_tint tint, const char *text)
{
    auto_buf_ struct buf b = { 0 };
    text_visible(text, strlen(text), &b);
    for (char *p = b.data; p != NULL && *p != '\0'; p++)
        if (*p == '\n' || *p == '\t')
            *p = ' ';
    add_cell(t, tint, buf_take(&b));
}

void term_cellf(struct term_table *t, enum term_tint tint, const char *fmt, ...)
{
    char text[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    term_cell(t, tint, text);
}

/* Characters, not bytes; text_visible left valid UTF-8 only. */
static size_t width_of(const char *text)
{
    size_t width = 0, len = strlen(text);
    for (size_t i = 0; i < len; width++) {
        size_t n = utf8_sequence(text + i, len - i);
        i += n > 0 ? n : 1;
    }
    return width;
}

static void print_row(const struct term_table *t, const struct term_cell *row, const size_t *widths,
                      const struct term *term, struct buf *b)
{
    for (size_t c = 0; c < t->columns; c++) {
        size_t pad = widths[c] - width_of(row[c].text);
        bool right = t->align[c] == 'r', last = c + 1 == t->columns;
        buf_printf(b, "%*s", right ? (int)pad : 0, "");
        term_text(term, row[c].tint, row[c].text, b);
        if (!last)
            buf_printf(b, "%*s", (right ? 0 : (int)pad) + 2, "");
    }
    while (b->len > 0 && b->data[b->len - 1] == ' ')
        b->data[--b->len] = '\0';
    buf_puts(b, "\n");
}

void term_table_print(const struct term_table *t, const struct term *term, struct buf *b)
{
    auto_free_ size_t *widths = xcalloc(t->columns, sizeof widths[0]);
    size_t rows = t->cell_count / t->columns;
    for (size_t i = 0; i < rows * t->columns; i++) {
        size_t w = width_of(t->cells[i].text);
        widths[i % t->columns] = w > widths[i % t->columns] ? w : widths[i % t->columns];
    }
    for (size_t r = 0; r < rows; r++)
        print_row(t, t->cells + r * t->columns, widths, term, b);
}
