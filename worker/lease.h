/* lease.h - holding a claim while its programs run: renewed in time, and given up at once when it
 * is lost, cancelled, or the slot has to stop. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "sandbox/box.h"
#include "schema/store.h"
#include "worker/events.h"

/* Something to do while a program runs, at that time; INT64_MAX: nothing. What it finds out about
 * the claim it notes in `lost`. */
struct lease_later {
    int64_t due_mono_ns;
    void (*call)(void *ctx);
    void *ctx;
};

struct lease {
    struct store *store;
    struct events *events;
    struct claim claim;
    int64_t lease_ms;
    int64_t renewed_mono_ns; /* when it was last extended */
    int64_t overdue_mono_ns; /* when a run that goes on can only mean that its keeper hangs */
    struct lease_later later;
    bool lost; /* the claim is no longer ours: discard everything */
    bool over; /* the slot must stop now: give it back */
};

/* Starts the clock of a fresh claim. */
void lease_init(struct lease *l, struct store *s, struct events *ev, const struct claim *c,
                int64_t lease_ms);

enum { LEASE_OVERDUE_MS = 30000, LEASE_EXIT_HUNG = 3 };

/* For the box_run that comes next, of commands with this wall time limit: it asks lease_check at
 * each event and several times a lease, and does what is `later` in its time. Borrowed. A keeper
 * that is silent LEASE_OVERDUE_MS beyond the limit hangs, and so would this slot: it ends with exit
 * code LEASE_EXIT_HUNG, upon which the supervisor gives back the claim and starts another. */
struct box_watch lease_watch(struct lease *l, int64_t wall_time_ms);

/* Take events, renew when it is time; the cause to stop with, or BOX_CAUSE_NONE. */
enum box_cause lease_check(struct lease *l);
