/* spread.h - what many measured times say together. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct spread {
    size_t count;
    int64_t min_ns, p5_ns, p50_ns, p95_ns, p99_ns;
};

/* Sorts `samples_ns`. A percentile is the smallest sample that no fewer than so many percent of
 * the samples do not exceed, so it is always one that was measured. All 0 when count is 0. */
struct spread spread_of(int64_t *samples_ns, size_t count);
