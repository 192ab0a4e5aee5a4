/* targets.c - from the tables of a run to the list of figures to reach; the minos-bench process. */
#include "tests/bench/targets.h"

#include <math.h>
#include <string.h>

#include "sandbox/base/cleanup.h"

/* One number of one table. */
struct figure {
    const char *suite, *title; /* the table: how its title begins */
    const char *row, *series, *column;
};

enum sense { AT_MOST, AT_LEAST };

/* How the value comes from the figures. */
enum form {
    ALONE,     /* a */
    RATIO,     /* a / b */
    LESS,      /* a - b */
    FASTEST,   /* a / the least of the other sandboxes in its table */
    HUNDRED,   /* a / (100 * (b + 1)) */
    MOST_ROWS, /* a's column in its table's last row */
};

#define FIGURE(...)                                                                                \
    {                                                                                              \
        __VA_ARGS__                                                                                \
    }
#define NO_FIGURE FIGURE(NULL, NULL, NULL, NULL, NULL)

static const struct target {
    const char *what, *unit;
    enum form form;
    enum sense sense;
    double bound;
    struct figure a, b;
} targets[] = {
#define TARGET(what, unit, form, sense, bound, a, b) { what, unit, form, sense, bound, a, b },
#include "tests/bench/targets.def"
#undef TARGET
};

static const char *const others[] = { "bwrap", "isolate", "nsjail", "go-judge" };

static bool begins(const json_t *object, const char *key, const char *with)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL && strncmp(text, with, strlen(with)) == 0;
}

static const json_t *find_table(const struct report *r, const struct figure *f)
{
    size_t i;
    const json_t *table;
    json_array_foreach(r->tables, i, table) if (f->suite != NULL &&
                                                begins(table, "suite", f->suite) &&
                                                begins(table, "title", f->title)) return table;
    return NULL;
}

static bool is_row(const json_t *row, const struct figure *f)
{
    return strcmp(json_string_value(json_object_get(row, "name")), f->row) == 0 &&
           strcmp(json_string_value(json_object_get(row, "series")), f->series) == 0;
}

/* NAN when this run has no such figure. */
static double value_of(const struct report *r, const struct figure *f)
{
    size_t i;
    const json_t *row;
    json_array_foreach(json_object_get(find_table(r, f), "rows"), i, row)
    {
        const json_t *value = json_object_get(row, f->column);
        if (is_row(row, f))
            return json_is_number(value) ? json_number_value(value) : NAN;
    }
    return NAN;
}

static double fastest_other(const struct report *r, const struct figure *like)
{
    double least = NAN;
    for (size_t i = 0; i < ARRAY_COUNT(others); i++) {
        struct figure f = *like;
        f.row = others[i];
        f.series = strcmp(others[i], "go-judge") == 0 ? "asked to answer" : LAUNCH;
        least = fmin(least, value_of(r, &f)); /* of a number and NAN it is the number */
    }
    return least;
}

static double in_last_row(const struct report *r, const struct figure *f)
{
    const json_t *rows = json_object_get(find_table(r, f), "rows");
    const json_t *row = json_array_get(rows, json_array_size(rows) - 1);
    const json_t *value = json_object_get(row, f->column);
    return json_is_number(value) ? json_number_value(value) : NAN;
}

static double compute(const struct report *r, const struct target *t)
{
    double a = value_of(r, &t->a), b = value_of(r, &t->b);
    switch (t->form) {
    case ALONE:
        return a;
    case RATIO:
        return a / b;
    case LESS:
        return a - b;
    case FASTEST:
        return a / fastest_other(r, &t->a);
    case HUNDRED:
        return a / (100 * (b + 1));
    case MOST_ROWS:
        return in_last_row(r, &t->a);
    }
    return NAN;
}

void targets_make(struct report *r)
{
    json_t *table =
        report_table(r, "summary", "the figures to reach",
                     "from the tables above; not measured: its suite was not asked for");
    for (size_t i = 0; i < ARRAY_COUNT(targets); i++) {
        const struct target *t = &targets[i];
        double value = compute(r, t);
        json_t *row = report_row(table, t->what, t->unit, "");
        if (isnan(value)) {
            report_text(row, "missing", "not measured");
            continue;
        }
        bool reached = t->sense == AT_MOST ? value <= t->bound : value >= t->bound;
        report_number(row, "value", value);
        report_text(row, "sense", t->sense == AT_MOST ? "at most" : "at least");
        report_number(row, "bound", t->bound);
        report_text(row, "reached", reached ? "yes" : "NO");
    }
    report_print(table);
}
