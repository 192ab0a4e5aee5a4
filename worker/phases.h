/* phases.h - a clock that says where the time of a submission goes; slots. */
#pragma once

#include <stdint.h>

#include "schema/store.h"

enum phase { PHASE_PREPARE, PHASE_COMPILE, PHASE_RUN, PHASE_COLLECT, PHASE_COUNT };

struct phase_clock {
    enum phase now;
    int64_t since_mono_ns; /* when the present phase was entered */
    int64_t spent_ns[PHASE_COUNT];
};

/* Start anew, in PHASE_PREPARE. */
void phase_start(struct phase_clock *c);

/* What has passed belongs to the phase that is left. */
void phase_enter(struct phase_clock *c, enum phase next);

/* A cell has ended in which a program ran for wall_ns: that much of what has passed was `ran`, and
 * the rest, which built the cell, the phase that is left. From now on it is PHASE_COLLECT. */
void phase_ran(struct phase_clock *c, enum phase ran, int64_t wall_ns);

/* Up to this moment. */
struct phases phase_sum(struct phase_clock *c);
