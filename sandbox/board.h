/*
 * board.h - which slots are at work, and on which processors: told to each other by the keepers of
 * one listener, so that what one prepares ahead stays off the cores of the others' programs. Memory
 * that they share; cells have no copy.
 */
#pragma once

#include <sched.h>
#include <stdbool.h>
#include <stdint.h>

#include "sandbox/base/err.h"

enum { BOARD_SLOTS_MAX = 256 };

struct board;

/* Made by the listener before its keepers, which inherit it; never freed. */
must_check_ int board_make(struct board **ret, struct err *e);

/* Whether processes that are forked from now on have it: a keeper's cells do not. */
must_check_ int board_inherit(struct board *b, bool inherit, struct err *e);

/* The keeper of `slot` (0 to BOARD_SLOTS_MAX - 1) is new, or has gone: nothing runs there. */
void board_clear(struct board *b, int64_t slot);

/* A program of `slot` is about to run on `cpus`, or has ended. The slot is at work for some time
 * yet: where many wait, the next program comes soon, and its keeper makes a cell for it there. */
void board_set(struct board *b, int64_t slot, const cpu_set_t *cpus, bool runs);

/* Take the processors of all slots that are at work out of `cpus`. */
void board_remove_busy(const struct board *b, cpu_set_t *cpus);
