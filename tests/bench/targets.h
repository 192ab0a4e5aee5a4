/* targets.h - the figures that Minos is to reach, computed from the tables of this run. */
#pragma once

#include "tests/bench/report.h"

/* Add the table of targets to the report and print it; what this run has not measured says so. */
void targets_make(struct report *r);
