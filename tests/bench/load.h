/* load.h - other work on the machine while something is measured. */
#pragma once

#include <sys/types.h>

#include "tests/bench/contestant.h"
#include "tests/bench/lanes.h"

struct load {
    pid_t pids[LANES_MAX];
    size_t count;
};

/* Processes that compute without end, at most LANES_MAX, on any core; they end with us. */
must_check_ int load_start(struct load *l, size_t count, struct err *e);

/* The same, but they take turns of a contestant, a lane each, for as long as these succeed. */
must_check_ int load_start_turns(struct load *l, const struct bench *b, const char *contestant,
                                 size_t count, struct err *e);

void load_stop(struct load *l);
