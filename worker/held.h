/*
 * held.h - which claim a slot holds, in memory that its supervisor shares: when the slot dies, what
 * it held is given back at once instead of when its lease runs out. And how far its groundwork
 * went, which a new slot goes on with.
 *
 * Only a hint: the store checks the claim's fence, so an old note changes nothing.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>

#include "sandbox/base/err.h"
#include "schema/store.h"

struct held {
    atomic_size_t groundwork_next; /* see groundwork.h */
    atomic_bool set;
    struct claim claim; /* valid while set */
};

/* Supervisor: make the memory; the descriptor is for the slot. Both last for the slot's number. */
must_check_ int held_make(struct held **ret, int *ret_fd, struct err *e);

/* Slot: map what was inherited. Closes fd. NULL for fd -1. */
must_check_ int held_map(int fd, struct held **ret, struct err *e);
void held_unmap(struct held *h);

/* NULL is allowed, and does nothing. */
void held_note(struct held *h, const struct claim *c);
void held_clear(struct held *h);

/* Supervisor, after the slot has died: take the claim out; false when there was none. */
bool held_take(struct held *h, struct claim *ret);
