/* lease.h - holding a claim while its programs run: renewed in time, and given up at once when it
 * is lost, cancelled, or the slot has to stop. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "sandbox/box.h"
#include "schema/store.h"
#include "worker/events.h"

struct lease {
    struct store *store;
    struct events *events;
    struct claim claim;
    int64_t lease_ms;
    int64_t renewed_mono_ns; /* when it was last extended */
    bool lost;               /* the claim is no longer ours: discard everything */
    bool over;               /* the slot must stop now: give it back */
};

/* Starts the clock of a fresh claim. */
void lease_init(struct lease *l, struct store *s, struct events *ev, const struct claim *c,
                int64_t lease_ms);

/* For box_run, which asks lease_check at each event and each third of the lease. Borrowed. */
struct box_watch lease_watch(struct lease *l);

/* Take events, renew when it is time; the cause to stop with, or BOX_CAUSE_NONE. */
enum box_cause lease_check(struct lease *l);
