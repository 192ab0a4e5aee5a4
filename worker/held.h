/*
 * held.h - what the slots and their supervisor tell each other of themselves, in memory that they
 * share. Which claim a slot holds: when it dies, that is given back at once instead of when its
 * lease runs out. How far its groundwork went, which a new slot goes on with. And since when it
 * rests: of the slots that rest the one that did so longest takes the next submission, because its
 * keeper has had the most time to make a cell for it.
 *
 * Only hints: the store checks the claim's fence, so an old note changes nothing, and nobody waits
 * for another slot longer than a moment.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "sandbox/base/err.h"
#include "schema/store.h"

enum { HELD_SLOTS_MAX = 256 };

struct held {
    atomic_size_t groundwork_next; /* see groundwork.h */
    atomic_bool set;
    struct claim claim;                       /* valid while set */
    atomic_int_least64_t rests_since_mono_ns; /* 0: it is at work, or not there */
};

/* Supervisor: make the memory, HELD_SLOTS_MAX notes; the descriptor is for the slots. */
must_check_ int held_make(struct held **ret, int *ret_fd, struct err *e);

/* Slot: map what was inherited. Closes fd. NULL for fd -1. */
must_check_ int held_map(int fd, struct held **ret, struct err *e);
void held_unmap(struct held *all);

/* NULL is allowed, and does nothing. */
void held_note(struct held *h, const struct claim *c);
void held_clear(struct held *h);

/* Supervisor, after the slot has died: take the claim out; false when there was none. */
bool held_take(struct held *h, struct claim *ret);

/* A slot has nothing to do (if it rests already, since then), or has, or is gone. NULL likewise. */
void held_rest(struct held *h);
void held_work(struct held *h);

/* How many of the slots have rested for longer than `slot`; 0 for NULL. */
size_t held_before(const struct held *all, size_t slot);
