/* summary.c - picks the figures of the first page from the tables; the minos-bench process. */
#include "tests/bench/summary.h"

#include <string.h>

#include "sandbox/base/cleanup.h"

/* Each line of the summary is a row of a table; lines of one group stand together. `title` is how
 * the table's begins. */
static const struct group {
    const char *head, *suite, *title, *column;
    const char *rows[10];
} groups[] = {
    { "start of a cell until its program has ended, p50 ms",
      "launch",
      "back to back, 1",
      "p50_ms",
      { "plain", "minos warm", "minos cold", "isolate", "bwrap", "nsjail", "go-judge", "crun",
        "runc" } },
    { "the same after 150 ms of idleness, p50 ms",
      "launch",
      "150 ms idle before each, 1",
      "p50_ms",
      { "plain", "minos warm", "minos cold", "isolate", "bwrap", "nsjail", "go-judge", "crun",
        "runc" } },
    { "launches per second on all cores",
      "steady",
      "launches per second",
      "per_second",
      { "plain", "minos", "minos cold", "isolate", "bwrap", "nsjail", "go-judge", "crun",
        "runc" } },
    { "from HTTP to the verdict, p50 ms",
      "service",
      "submit to verdict",
      "p50_ms",
      { "plain", "bwrap", "crun", "runc", "C cached", "C new", "Python", "Java cached" } },
    { "verdicts per second over HTTP, durable accepts",
      "service",
      "verdicts per second",
      "per_second",
      { "plain", "bwrap", "crun", "runc", "C cached, judged" } },
    { "durable accepts per second over HTTP",
      "service",
      "accepts per second",
      "per_second",
      { "plain", "4 KiB write", "accepts, 1 client", "accepts, 8 clients" } },
};

static bool begins(const json_t *object, const char *key, const char *with)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL && strncmp(text, with, strlen(with)) == 0;
}

static const json_t *find_table(const struct report *r, const struct group *g)
{
    size_t i;
    const json_t *table;
    json_array_foreach(r->tables, i, table)
    {
        if (begins(table, "suite", g->suite) && begins(table, "title", g->title))
            return table;
    }
    return NULL;
}

/* The first row of that name: its first series is the whole time. */
static const json_t *find_row(const json_t *table, const char *name)
{
    size_t i;
    const json_t *row;
    json_array_foreach(json_object_get(table, "rows"), i, row)
    {
        const char *text = json_string_value(json_object_get(row, "name"));
        if (text != NULL && strcmp(text, name) == 0)
            return row;
    }
    return NULL;
}

static void copy_figure(json_t *table, const json_t *row, const char *name, const char *column)
{
    json_t *line = report_row(table, name, "", "");
    const json_t *value = json_object_get(row, column);
    const json_t *missing = json_object_get(row, "missing");
    const char *ratio = strcmp(column, "p50_ms") == 0 ? "ratio_p50" : "ratio_rate";
    if (value == NULL) {
        const char *why = json_string_value(missing);
        report_text(line, "missing", why != NULL ? why : "not measured");
        return;
    }
    report_number(line, column, json_number_value(value));
    if (json_object_get(row, ratio) != NULL)
        report_number(line, ratio, json_number_value(json_object_get(row, ratio)));
}

void summary_make(struct report *r)
{
    for (size_t i = 0; i < ARRAY_COUNT(groups); i++) {
        const struct group *g = &groups[i];
        const json_t *source = find_table(r, g);
        if (source == NULL)
            continue;
        json_t *table = report_table(r, "summary", g->head, "");
        for (size_t k = 0; k < ARRAY_COUNT(g->rows) && g->rows[k] != NULL; k++)
            copy_figure(table, find_row(source, g->rows[k]), g->rows[k], g->column);
        report_print(table);
    }
}
