/*
 * wallclock.h - notices that the wall clock was set while we run, by the clock that cannot be.
 *
 * Who keeps things for so long deletes them by the wall clock: set a day ahead by mistake, it would
 * take them all. What was set is not believed in that for a while, within which it may be mended.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum { WALLCLOCK_STEP_MS = 1000, WALLCLOCK_HOLD_MS = 600000 };

struct wallclock {
    int64_t ahead_ms; /* of CLOCK_MONOTONIC */
    int64_t set_mono_ns;
    bool was_set;
};

void wallclock_init(struct wallclock *c);

/* By how much it was set since the last look; 0: not at all, or by less than WALLCLOCK_STEP_MS, as
 * those do it who keep clocks right. After a suspend it seems set, too. */
int64_t wallclock_look(struct wallclock *c);

/* Whether it has not been set for WALLCLOCK_HOLD_MS. */
bool wallclock_trusted(const struct wallclock *c);
