/* opt.c - command lines by table; every program, at its start. */
#include "sandbox/base/opt.h"

#include <inttypes.h>
#include <string.h>

#include "sandbox/base/cleanup.h"
#include "sandbox/base/clock.h"
#include "sandbox/base/nearest.h"
#include "sandbox/base/units.h"

/* --- a reader per kind ----------------------------------------------------------------------- */

static int in_range(const struct opt_row *row, int64_t value, const char *unit, const char *text,
                    struct err *e)
{
    bool bounded = row->min != 0 || row->max != 0;
    if (bounded && (value < row->min || value > row->max))
        return err_input(e, "expected %" PRId64 " to %" PRId64 " %s, got \"%.64s\"", row->min,
                         row->max, unit, text);
    return 0;
}

static int read_flag(const struct opt_row *row, const char *text, void *field, struct err *e)
{
    (void)row, (void)text, (void)e;
    *(bool *)field = true;
    return 0;
}

static int read_text(const struct opt_row *row, const char *text, void *field, struct err *e)
{
    (void)row, (void)e;
    *(const char **)field = text;
    return 0;
}

static int read_int(const struct opt_row *row, const char *text, void *field, struct err *e)
{
    bool bounded = row->min != 0 || row->max != 0;
    return units_parse_int(text, bounded ? row->min : INT64_MIN, bounded ? row->max : INT64_MAX,
                           field, e);
}

static int read_bytes(const struct opt_row *row, const char *text, void *field, struct err *e)
{
    int64_t bytes;
    if (units_parse_bytes(text, &bytes, e) < 0 || in_range(row, bytes, "bytes", text, e) < 0)
        return -1;
    *(int64_t *)field = bytes;
    return 0;
}

static int read_time_ms(const struct opt_row *row, const char *text, void *field, struct err *e)
{
    int64_t ns;
    if (units_parse_duration(text, &ns, e) < 0)
        return -1;
    if (ns % NS_PER_MS != 0)
        return err_input(e, "expected whole milliseconds, got \"%.64s\"", text);
    if (in_range(row, ns / NS_PER_MS, "ms", text, e) < 0)
        return -1;
    *(int64_t *)field = ns / NS_PER_MS;
    return 0;
}

static int read_list(const struct opt_row *row, const char *text, void *field, struct err *e)
{
    (void)row;
    struct opt_list *list = field;
    if (list->count == OPT_LIST_MAX)
        return err_input(e, "given more than %d times", OPT_LIST_MAX);
    list->items[list->count++] = text;
    return 0;
}

static const struct kind {
    int (*read)(const struct opt_row *row, const char *text, void *field, struct err *e);
    const char *wants; /* what the value is called when the row does not say */
} kinds[] = {
    [OPT_FLAG] = { read_flag, NULL },         [OPT_TEXT] = { read_text, "TEXT" },
    [OPT_INT] = { read_int, "NUMBER" },       [OPT_BYTES] = { read_bytes, "SIZE" },
    [OPT_TIME_MS] = { read_time_ms, "TIME" }, [OPT_LIST] = { read_list, "TEXT" },
};

static const char *value_name(const struct opt_row *row)
{
    return row->value != NULL ? row->value : kinds[row->kind].wants;
}

/* --- the walk over argv ---------------------------------------------------------------------- */

struct walk {
    const struct opt_spec *spec;
    char **argv;
    int argc, at; /* `at` is the word being read */
    void *args;
    struct err *e;
};

static int unknown_option(struct walk *w, const char *name, size_t len)
{
    auto_free_ char *wanted = xstrndup(name, len);
    struct nearest n = { .wanted = wanted };
    for (size_t i = 0; i < w->spec->row_count; i++)
        nearest_offer(&n, w->spec->rows[i].name);
    if (n.name != NULL)
        return err_input(w->e, "unknown option --%.64s; did you mean --%s?", wanted, n.name);
    return err_input(w->e, "unknown option --%.64s", wanted);
}

static int apply(struct walk *w, const struct opt_row *row, const char *text)
{
    void *field = (char *)w->args + row->offset;
    if (kinds[row->kind].read(row, text, field, w->e) < 0)
        return err_wrap(w->e, "--%s", row->name);
    return 0;
}

/* The value of `row`: what is attached, or the next word. */
static int apply_with_value(struct walk *w, const struct opt_row *row, const char *attached)
{
    if (attached == NULL && w->at + 1 >= w->argc)
        return err_input(w->e, "--%s: expected %s after it", row->name, value_name(row));
    return apply(w, row, attached != NULL ? attached : w->argv[++w->at]);
}

static int read_long(struct walk *w, const char *name)
{
    const char *equals = strchr(name, '=');
    size_t len = equals != NULL ? (size_t)(equals - name) : strlen(name);
    for (size_t i = 0; i < w->spec->row_count; i++) {
        const struct opt_row *row = &w->spec->rows[i];
        if (strlen(row->name) != len || memcmp(row->name, name, len) != 0)
            continue;
        if (row->kind != OPT_FLAG)
            return apply_with_value(w, row, equals != NULL ? equals + 1 : NULL);
        if (equals != NULL)
            return err_input(w->e, "--%s: expected no value, got \"%.64s\"", row->name, equals + 1);
        return apply(w, row, NULL);
    }
    return unknown_option(w, name, len);
}

static const struct opt_row *find_letter(const struct opt_spec *spec, char letter)
{
    for (size_t i = 0; i < spec->row_count; i++)
        if (spec->rows[i].letter == letter)
            return &spec->rows[i];
    return NULL;
}

/* "-abc": flags a and b, then c, whose value may be attached. */
static int read_short(struct walk *w, const char *letters)
{
    for (const char *p = letters; *p != '\0'; p++) {
        const struct opt_row *row = find_letter(w->spec, *p);
        if (row == NULL)
            return err_input(w->e, "unknown option -%c", *p);
        if (row->kind != OPT_FLAG)
            return apply_with_value(w, row, p[1] != '\0' ? p + 1 : NULL);
        if (apply(w, row, NULL) < 0)
            return -1;
    }
    return 0;
}

static int read_option(struct walk *w)
{
    const char *word = w->argv[w->at];
    return word[1] == '-' ? read_long(w, word + 2) : read_short(w, word + 1);
}

static bool is_option(const char *word)
{
    return word[0] == '-' && word[1] != '\0';
}

int opt_parse(const struct opt_spec *spec, int argc, char **argv, void *args, int *ret_first,
              struct err *e)
{
    struct walk w = { .spec = spec, .argv = argv, .argc = argc, .args = args, .e = e };
    auto_free_ char **operands = xcalloc((size_t)argc + 1, sizeof *operands);
    int operand_count = 0, kept = argc > 0 ? 1 : 0; /* argv[..kept) is options and their values */
    for (w.at = kept; w.at < argc; w.at++) {
        if (!is_option(argv[w.at])) {
            if (spec->stop_at_operand)
                break;
            operands[operand_count++] = argv[w.at];
            continue;
        }
        int start = w.at;
        bool end = strcmp(argv[w.at], "--") == 0;
        if (!end && read_option(&w) < 0)
            return -1;
        for (int i = start; i <= w.at; i++)
            argv[kept++] = argv[i];
        if (end) {
            w.at++;
            break;
        }
    }
    for (; w.at < argc; w.at++)
        operands[operand_count++] = argv[w.at];
    for (int i = 0; i < operand_count; i++)
        argv[kept + i] = operands[i];
    *ret_first = kept;
    return 0;
}

/* --- the help -------------------------------------------------------------------------------- */

enum { HELP_COLUMN = 30 };

static void pad_to(struct buf *b, size_t line_start, size_t column)
{
    while (b->len - line_start < column)
        buf_puts(b, " ");
}

static void help_row(const struct opt_row *row, struct buf *b)
{
    size_t line_start = b->len;
    if (row->letter != 0)
        buf_printf(b, "  -%c, --%s", row->letter, row->name);
    else
        buf_printf(b, "      --%s", row->name);
    if (row->kind != OPT_FLAG)
        buf_printf(b, " %s", value_name(row));
    if (b->len - line_start + 2 > HELP_COLUMN) {
        buf_puts(b, "\n");
        line_start = b->len;
    }
    for (const char *p = row->help; p != NULL && *p != '\0';) {
        size_t len = strcspn(p, "\n");
        pad_to(b, line_start, HELP_COLUMN);
        buf_printf(b, "%.*s\n", (int)len, p);
        line_start = b->len;
        p += len + (p[len] == '\n');
    }
}

void opt_help(const struct opt_spec *spec, struct buf *b)
{
    buf_printf(b, "Usage: %s\n", spec->usage);
    if (spec->about != NULL)
        buf_printf(b, "\n%s\n", spec->about);
    if (spec->row_count > 0)
        buf_puts(b, "\nOptions:\n");
    for (size_t i = 0; i < spec->row_count; i++)
        help_row(&spec->rows[i], b);
    if (spec->after != NULL)
        buf_printf(b, "\n%s\n", spec->after);
}
