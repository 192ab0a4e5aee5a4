/*
 * crew.h - the contestants as one lane has them: opened, taking turns, closed. Who fails is out for
 * the rest of the table, in all lanes, and its row says why; the others go on.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/bench/contestant.h"
#include "tests/bench/lanes.h"

/* Shared between the lanes: who is out. */
struct crew_faults {
    _Atomic bool out[CONTESTANTS_MAX];
    char why[CONTESTANTS_MAX][ERR_MESSAGE_BYTES];
};

struct crew {
    const struct bench *bench;
    struct entry *entries;
    size_t count;
    struct crew_faults *faults;
    void *states[CONTESTANTS_MAX]; /* of this lane; NULL: it could not be opened */
};

/* Shared memory for the faults of a table; entries that are not there are out from the start. */
void crew_init(struct crew *c, const struct bench *b, struct entry *entries, size_t count);

/* Free it; entries that fell out meanwhile are no longer there. */
void crew_done(struct crew *c);

/* In a lane: open what is there; close it. */
void crew_open(struct crew *c, const struct lane *l);
void crew_close(struct crew *c);

/* One turn of contestant `i`; false when it is out, or has just failed. */
bool crew_turn(struct crew *c, size_t i, int64_t ret_ns[SERIES_MAX]);
