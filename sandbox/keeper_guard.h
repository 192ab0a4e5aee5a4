/*
 * keeper_guard.h - what minos-box gives up by itself: capabilities that are not in
 * capabilities.def, new privileges, and system calls that neither it nor a cell makes. Runs in the
 * listener and in keepers.
 *
 * The filter is inherited by cells, whose own comes on top. What it refuses gives ENOSYS and is
 * weaker than every answer of a cell's filter, so nothing changes there (docs/adr/0006).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "sandbox/base/err.h"

/* Bits of the rows of capabilities.def. */
enum keeper_phase { KEEPER_STARTS = 1, KEEPER_SERVES = 2, KEEPER_SERVES_ONE_ID = 4 };

/* Bits of the capabilities that are kept in a phase. */
uint64_t keeper_guard_capabilities(enum keeper_phase phase);

/* Drop the others from all five sets, those that are not held stay so. Reads back. Without
 * CAP_SETPCAP the bounding set stays as it is: no_new_privs, set by keeper_guard_calls, then makes
 * it worthless. */
must_check_ int keeper_guard_drop(enum keeper_phase phase, struct err *e);

/* No new privileges, and the filter for this process and all that it starts. Not before an ordinary
 * user's keeper has its ids, which set-id programs map. A sanitizer's build has no filter. */
must_check_ int keeper_guard_calls(struct err *e);

/* Whether a call by this name passes the filter (for tests). */
bool keeper_guard_allows(const char *name);
