/* report.c - tables and JSON; the minos-bench process. */
#include "tests/bench/report.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "sandbox/base/buf.h"
#include "sandbox/base/cleanup.h"
#include "sandbox/base/clock.h"

/* The columns in the order in which they are printed; a table shows those that one of its rows
 * has. */
static const struct column {
    const char *key, *head;
    int decimals;
} columns[] = {
    { "turns", "turns", 0 },
    { "min_ms", "min ms", 3 },
    { "p50_ms", "p50 ms", 3 },
    { "p95_ms", "p95 ms", 3 },
    { "p99_ms", "p99 ms", 3 },
    { "width_percent", "width %", 3 },
    { "ratio_width", "x width", 2 },
    { "per_second", "per s", 1 },
    { "ratio_min", "x min", 2 },
    { "ratio_p50", "x p50", 2 },
    { "ratio_p99", "x p99", 2 },
    { "ratio_rate", "of plain", 3 },
    { "cpu_ms", "cpu ms each", 3 },
    { "accept_per_second", "accept/s", 0 },
    { "claim_per_second", "claim/s", 0 },
    { "finish_per_second", "finish/s", 0 },
    { "ratio_accept", "x accept", 3 },
    { "ratio_claim", "x claim", 3 },
    { "accept_cpu_us", "accept us", 1 },
    { "claim_cpu_us", "claim us", 1 },
    { "finish_cpu_us", "finish us", 1 },
    { "processes", "processes", 0 },
    { "rss_kib", "RSS KiB", 0 },
    { "pss_kib", "PSS KiB", 0 },
    { "private_kib", "own KiB", 0 },
    { "charged_kib", "charged KiB", 0 },
    { "value", "measured", 3 },
    { "sense", "to be", 0 },
    { "bound", "bound", 3 },
    { "reached", "reached", 0 },
    { "memory_growth_kib", "memory +KiB", 0 },
    { "slab_growth_kib", "slab +KiB", 0 },
    { "group_growth", "groups +", 0 },
    { "mount_growth", "mounts +", 0 },
    { "flat", "flat", 0 },
};

enum { NAME_WIDTH = 46, COLUMN_WIDTH = 12, MISSING_WIDTH = 160 };

void report_init(struct report *r)
{
    *r = (struct report){ .versions = json_object(), .tables = json_array() };
}

void report_done(struct report *r)
{
    json_decref(r->versions);
    json_decref(r->tables);
}

void report_version(struct report *r, const char *program, const char *version)
{
    json_object_set_new(r->versions, program, json_string(version));
}

json_t *report_table(struct report *r, const char *suite, const char *title, const char *about)
{
    json_t *table =
        json_pack("{s:s s:s s:s s:[]}", "suite", suite, "title", title, "about", about, "rows");
    json_array_append_new(r->tables, table);
    return table;
}

json_t *report_row(json_t *table, const char *name, const char *series, const char *about)
{
    json_t *row = json_pack("{s:s s:s s:s}", "name", name, "series", series, "about", about);
    json_array_append_new(json_object_get(table, "rows"), row);
    return row;
}

void report_number(json_t *row, const char *column, double value)
{
    json_object_set_new(row, column, json_real(round(value * 1e6) / 1e6));
}

void report_text(json_t *row, const char *column, const char *text)
{
    json_object_set_new(row, column, json_string(text));
}

static bool column_used(const json_t *rows, const struct column *c)
{
    size_t i;
    const json_t *row;
    json_array_foreach(rows, i, row) if (json_object_get(row, c->key) != NULL) return true;
    return false;
}

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL ? text : "";
}

static void print_value(const json_t *value, int decimals)
{
    if (json_is_string(value))
        printf("%*s", COLUMN_WIDTH, json_string_value(value));
    else if (value != NULL)
        printf("%*.*f", COLUMN_WIDTH, decimals, json_number_value(value));
    else
        printf("%*s", COLUMN_WIDTH, "-");
}

static void print_row(const json_t *rows, const json_t *row)
{
    char name[80];
    snprintf(name, sizeof name, "%s%s%s", text_of(row, "name"),
             text_of(row, "series")[0] != '\0' ? ", " : "", text_of(row, "series"));
    printf("  %-*s", NAME_WIDTH, name);
    const char *missing = text_of(row, "missing");
    if (missing[0] != '\0') {
        printf(" missing: %.*s\n", MISSING_WIDTH, missing);
        return;
    }
    for (size_t i = 0; i < ARRAY_COUNT(columns); i++)
        if (column_used(rows, &columns[i]))
            print_value(json_object_get(row, columns[i].key), columns[i].decimals);
    printf("\n");
}

void report_print(const json_t *table)
{
    const json_t *rows = json_object_get(table, "rows"), *row;
    size_t at;
    const char *about = text_of(table, "about");
    printf("\n%s: %s\n", text_of(table, "suite"), text_of(table, "title"));
    if (about[0] != '\0')
        printf("  %s\n", about);
    printf("\n  %-*s", NAME_WIDTH, "");
    for (size_t i = 0; i < ARRAY_COUNT(columns); i++)
        if (column_used(rows, &columns[i]))
            printf("%*s", COLUMN_WIDTH, columns[i].head);
    printf("\n");
    json_array_foreach(rows, at, row) print_row(rows, row);
    fflush(stdout);
}

void report_print_machine(const struct report *r, const struct machine *m)
{
    char now[CLOCK_RFC3339_BYTES];
    const char *program;
    json_t *version;
    printf("\nmeasured %s by Minos " MINOS_VERSION " on %s: %s, %d cores; data on %s; load %.2f\n",
           clock_rfc3339(clock_unix_ms(), now), m->kernel, m->cpu, m->core_count, m->file_system,
           machine_load());
    json_object_foreach(r->versions, program, version)
        printf("  %s: %s\n", program, json_string_value(version));
}

int report_write(const struct report *r, const struct machine *m, const char *path, struct err *e)
{
    char now[CLOCK_RFC3339_BYTES];
    json_t *whole = json_pack("{s:s s:s s:{s:s s:s s:i s:s s:f} s:O s:O}", "measured_at",
                              clock_rfc3339(clock_unix_ms(), now), "minos", MINOS_VERSION,
                              "machine", "kernel", m->kernel, "cpu", m->cpu, "core_count",
                              m->core_count, "file_system", m->file_system, "load", machine_load(),
                              "versions", r->versions, "tables", r->tables);
    int bad = json_dump_file(whole, path, JSON_INDENT(2) | JSON_REAL_PRECISION(12));
    json_decref(whole);
    return bad != 0 ? err_sys(e, "write %s", path) : 0;
}
