/* spread.c - percentiles of measured times; the minos-bench process. */
#include "tests/bench/spread.h"

#include <stdlib.h>

static int ascending(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static int64_t percentile(const int64_t *sorted, size_t count, size_t percent)
{
    size_t rank = (count * percent + 99) / 100; /* from 1 */
    return sorted[rank > 0 ? rank - 1 : 0];
}

struct spread spread_of(int64_t *samples_ns, size_t count)
{
    if (count == 0)
        return (struct spread){ 0 };
    qsort(samples_ns, count, sizeof samples_ns[0], ascending);
    return (struct spread){
        .count = count,
        .min_ns = samples_ns[0],
        .p5_ns = percentile(samples_ns, count, 5),
        .p50_ns = percentile(samples_ns, count, 50),
        .p95_ns = percentile(samples_ns, count, 95),
        .p99_ns = percentile(samples_ns, count, 99),
    };
}
