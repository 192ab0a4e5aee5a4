/*
 * pairs.h - the engine that times single turns: A, B, C, A, B, C ..., so that whatever the machine
 * does meanwhile meets all alike, and their ratios mean something even where it is noisy.
 */
#pragma once

#include "tests/bench/contestant.h"

struct pairs_plan {
    const char *suite, *title, *about;
    struct entry *entries;
    size_t count;
    size_t lanes;     /* turns at once: each contestant beside itself, never beside another */
    int64_t idle_ms;  /* before every turn, when nothing runs */
    size_t warmups;   /* turns that are not counted, when a contestant's time comes */
    size_t burst;     /* turns that are, one after another, before the next one's time */
    bool tells_width; /* from p5 to p95 too */
    int64_t share_ms; /* how long rounds are begun; at least one is made */
};

/* Add the plan's table to the report and print it. ERR_BUSY: a signal asked the bench to stop. */
must_check_ int pairs_run(struct bench *b, const struct pairs_plan *plan, struct err *e);
