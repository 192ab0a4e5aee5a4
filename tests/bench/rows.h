/* rows.h - from measured times to rows of the report; what both engines share. */
#pragma once

#include "tests/bench/contestant.h"
#include "tests/bench/report.h"
#include "tests/bench/spread.h"

/* A row for one series of an entry; it says at once when the entry is missing, and why. */
json_t *rows_add(json_t *table, const struct entry *entry, size_t series);

/* Its times, and beside what `plain` took; plain->count 0: no ratios. */
void rows_spread(json_t *row, const struct spread *found, const struct spread *plain);

/* How wide they lie, p5 to p95 in percent of the median, and beside that of `plain`. */
void rows_width(json_t *row, const struct spread *found, const struct spread *plain);
