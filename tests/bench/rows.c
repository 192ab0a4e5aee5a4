/* rows.c - rows of the report from what the engines measured; the minos-bench process. */
#include "tests/bench/rows.h"

#include "sandbox/base/cleanup.h"
#include "sandbox/base/clock.h"

static double ms(int64_t ns)
{
    return (double)ns / NS_PER_MS;
}

json_t *rows_add(json_t *table, const struct entry *entry, size_t series)
{
    const struct contestant *c = entry->contestant;
    json_t *row = report_row(table, c->name, c->launcher->series[series], c->about);
    if (!entry->there)
        report_text(row, "missing", entry->why);
    return row;
}

void rows_spread(json_t *row, const struct spread *found, const struct spread *plain)
{
    const struct {
        const char *column, *ratio;
        int64_t found_ns, plain_ns;
    } values[] = { { "min_ms", "ratio_min", found->min_ns, plain->min_ns },
                   { "p50_ms", "ratio_p50", found->p50_ns, plain->p50_ns },
                   { "p95_ms", NULL, found->p95_ns, 0 },
                   { "p99_ms", "ratio_p99", found->p99_ns, plain->p99_ns } };
    report_number(row, "turns", (double)found->count);
    for (size_t i = 0; i < ARRAY_COUNT(values); i++) {
        report_number(row, values[i].column, ms(values[i].found_ns));
        if (values[i].ratio != NULL && values[i].plain_ns > 0)
            report_number(row, values[i].ratio,
                          (double)values[i].found_ns / (double)values[i].plain_ns);
    }
}

static double width(const struct spread *s)
{
    return s->p50_ns > 0 ? (double)(s->p95_ns - s->p5_ns) / (double)s->p50_ns * 100 : 0;
}

void rows_width(json_t *row, const struct spread *found, const struct spread *plain)
{
    report_number(row, "width_percent", width(found));
    if (width(plain) > 0)
        report_number(row, "ratio_width", width(found) / width(plain));
}
