/* show.c - results for people; the `minos` process. */
#include "server/cli/show.h"

#include <string.h>

#include "sandbox/base/cleanup.h"
#include "sandbox/base/units.h"
#include "server/cli/cli.h"
#include "server/cli/text.h"

enum { SHOWN_OUTPUT_BYTES = 4096 };

void show_ms(const json_t *ms, struct buf *b)
{
    char text[UNITS_TEXT_BYTES];
    if (!json_is_number(ms))
        buf_puts(b, "-");
    else
        buf_puts(b, units_format_duration((int64_t)(json_number_value(ms) * 1e6 + 0.5), text));
}

void show_bytes(const json_t *bytes, struct buf *b)
{
    char text[UNITS_TEXT_BYTES];
    if (!json_is_number(bytes) || json_number_value(bytes) < 0)
        buf_puts(b, "-");
    else
        buf_puts(b, units_format_bytes((int64_t)json_number_value(bytes), text));
}

bool show_finished(const json_t *submission)
{
    const char *status = text_member(submission, "status");
    return strcmp(status, "done") == 0 || strcmp(status, "cancelled") == 0;
}

int show_exit_status(const json_t *submission)
{
    const char *verdict = text_member(submission, "verdict");
    if (!show_finished(submission) || strcmp(verdict, "accepted") == 0)
        return CLI_OK;
    return strcmp(verdict, "internal_error") == 0 ? CLI_SERVICE : CLI_REJECTED;
}

static void cell_ms(struct term_table *t, const json_t *ms)
{
    auto_buf_ struct buf b = { 0 };
    show_ms(ms, &b);
    term_cell(t, TERM_PLAIN, buf_text(&b));
}

static void cell_bytes(struct term_table *t, const json_t *bytes)
{
    auto_buf_ struct buf b = { 0 };
    show_bytes(bytes, &b);
    term_cell(t, TERM_PLAIN, buf_text(&b));
}

/* "exit 3", "signal 11", or nothing for a clean end. */
static void cell_end(struct term_table *t, const json_t *test)
{
    json_int_t code = json_integer_value(json_object_get(test, "exit_code"));
    json_int_t signal = json_integer_value(json_object_get(test, "signal"));
    if (signal > 0)
        term_cellf(t, TERM_PLAIN, "signal %lld", (long long)signal);
    else if (code > 0)
        term_cellf(t, TERM_PLAIN, "exit %lld", (long long)code);
    else
        term_cell(t, TERM_PLAIN, "");
}

static void show_tests(const json_t *tests, const struct term *term, struct buf *b)
{
    static const char *const headings[] = { "TEST",   "VERDICT", "CPU",    "WALL",
                                            "MEMORY", "END",     "MESSAGE" };
    auto_table_ struct term_table t;
    term_table_init(&t, "llrrrll", headings);
    size_t i;
    const json_t *test;
    json_array_foreach(tests, i, test)
    {
        const char *verdict = text_member(test, "verdict");
        bool ran = strcmp(verdict, "skipped") != 0;
        term_cell(&t, TERM_PLAIN, text_member(test, "name"));
        term_cell(&t, term_verdict_tint(verdict), verdict);
        cell_ms(&t, ran ? json_object_get(test, "cpu_time_ms") : NULL);
        cell_ms(&t, ran ? json_object_get(test, "wall_time_ms") : NULL);
        cell_bytes(&t, ran ? json_object_get(test, "memory_peak_bytes") : NULL);
        cell_end(&t, test);
        term_cell(&t, TERM_FAINT, text_member(test, "message"));
    }
    term_table_print(&t, term, b);
}

/* A heading and the beginning of a text field, unless it is empty. */
static void show_text(const char *heading, const json_t *field, const struct term *term,
                      struct buf *b)
{
    auto_buf_ struct buf bytes = { 0 }, seen = { 0 };
    struct err e;
    if (text_from_json(field, &bytes, &e) < 0 || bytes.len == 0)
        return;
    size_t len = bytes.len < SHOWN_OUTPUT_BYTES ? bytes.len : SHOWN_OUTPUT_BYTES;
    text_visible(bytes.data, len, &seen);
    term_text(term, TERM_BOLD, heading, b);
    buf_printf(b, "\n%s%s", buf_text(&seen), seen.data[seen.len - 1] == '\n' ? "" : "\n");
    if (len < bytes.len)
        buf_printf(b, "... and %zu bytes more\n", bytes.len - len);
}

static void show_compile(const json_t *compile, const struct term *term, struct buf *b)
{
    const char *verdict = text_member(compile, "verdict");
    if (verdict[0] == '\0')
        return;
    buf_puts(b, "compile   ");
    term_text(term, term_verdict_tint(verdict), verdict, b);
    if (json_is_true(json_object_get(compile, "cached"))) {
        buf_puts(b, ", cached\n");
    } else {
        buf_puts(b, ", cpu ");
        show_ms(json_object_get(compile, "cpu_time_ms"), b);
        buf_puts(b, "\n");
    }
}

static void show_line(const char *name, const char *value, struct buf *b)
{
    auto_buf_ struct buf seen = { 0 };
    if (value[0] == '\0')
        return;
    text_visible(value, strlen(value), &seen);
    buf_printf(b, "%-10s%s\n", name, buf_text(&seen));
}

static void show_head(const json_t *r, const struct term *term, struct buf *b)
{
    const json_t *language = json_object_get(r, "language");
    const char *id =
        json_is_string(language) ? json_string_value(language) : text_member(language, "id");
    auto_free_ char *spoken = xasprintf("%s %s", id, text_member(language, "version"));
    const char *verdict = text_member(r, "verdict");
    bool known = verdict[0] != '\0' && strcmp(verdict, "none") != 0;
    buf_puts(b, "verdict   ");
    term_text(term, known ? term_verdict_tint(verdict) : TERM_FAINT,
              known ? verdict : "not known yet", b);
    buf_puts(b, "\n");
    show_line("id", text_member(r, "id"), b);
    show_line("status", show_finished(r) ? "" : text_member(r, "status"), b);
    show_line("language", spoken, b);
    show_line("message", text_member(r, "message"), b);
}

void show_result(const json_t *result, const struct term *term, struct buf *b)
{
    const json_t *compile = json_object_get(result, "compile");
    const json_t *tests = json_object_get(result, "tests");
    show_head(result, term, b);
    show_compile(compile, term, b);
    if (json_array_size(tests) > 0) {
        buf_puts(b, "\n");
        show_tests(tests, term, b);
    }
    show_text("\ncompiler output", json_object_get(compile, "output"), term, b);
    if (json_array_size(tests) == 1) {
        const json_t *test = json_array_get(tests, 0);
        show_text("\nstandard output", json_object_get(test, "stdout"), term, b);
        show_text("\nstandard error", json_object_get(test, "stderr"), term, b);
    }
}
