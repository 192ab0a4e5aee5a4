/* summary.h - the few figures that matter, out of all tables, beside each other. */
#pragma once

#include "tests/bench/report.h"

/* Print them, as far as they were measured in this run, and keep them in the report. */
void summary_make(struct report *r);
