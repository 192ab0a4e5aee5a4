/*
 * rates.h - the engine that counts turns per second: one contestant at a time has the machine for a
 * slice, in as many lanes as it takes, then the next; round after round. The kernel's accounts are
 * read before and after each slice: cpu per turn, and whether anything piles up.
 */
#pragma once

#include "tests/bench/contestant.h"

/* After each slice, before the accounts are read: what goes on behind the answers ends. */
enum { RATES_SETTLE_MS = 300 };

struct rates_plan {
    const char *suite, *title, *about;
    struct entry *entries;
    size_t count;
    size_t rounds;
    int64_t slice_ms;
};

/* Add the plan's table to the report and print it. ERR_BUSY: a signal asked the bench to stop. */
must_check_ int rates_run(struct bench *b, const struct rates_plan *plan, struct err *e);
