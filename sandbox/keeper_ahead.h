/*
 * keeper_ahead.h - a second process of the keeper that makes its next cell while a program runs, on
 * a core where none does.
 *
 *   keeper                          ahead
 *     ── 'm' make one ──────────────>  no core is free: ── 'n' ───────────────────────────────>
 *                                      it failed: ── 'e', struct err ─────────────────────────>
 *                                      made: ── 'c', struct cell, its descriptors ────────────>
 *
 * It has the keeper's rights and filter and hears nothing of any client. A cell of it is the
 * keeper's child (CLONE_PARENT) and dies with the keeper, and with it if it was not handed over.
 */
#pragma once

#include "sandbox/base/cores.h"
#include "sandbox/board.h"
#include "sandbox/keeper_cell.h"

/* What it is started with; all borrowed. */
struct ahead_options {
    const struct cell_maker *maker;
    struct board *board;
    const struct cores *cores; /* all that slots may have */
    int64_t nth;               /* 1: the keeper's first; no number is used twice */
};

struct ahead {
    int sock; /* -1: there is none */
    pid_t pid;
    bool asked;         /* an answer is to come */
    char image[64];     /* of which */
    int64_t nth;        /* as in its options */
    int64_t had_number; /* of the last cell that came of it, 0: of none */
};

/* The cores that are free and not the keeper's own; false when there are none. */
bool ahead_find_room(const struct ahead_options *o, cpu_set_t *ret);

/* Start it, as an ordinary process: a keeper in a real-time class has SCHED_RESET_ON_FORK. It has
 * none of the keeper's descriptors but those of its groups: no cell's, no client's. */
must_check_ int ahead_start(const struct ahead_options *o, struct ahead *ret, struct err *e);

/* Ask for a cell of that image, unless an answer is still to come. */
void ahead_ask(struct ahead *a, const char *image);

/* Its answer, waited for at most wait_ms. 1: *ret is a cell, the caller's; 0: no cell, now or (when
 * a->asked has become false) at all; -1: it could not make one or (a->sock has become -1) has gone
 * and is ended. */
must_check_ int ahead_take(struct ahead *a, int wait_ms, struct cell *ret, struct err *e);

/* End it, with the cell that it may be at. */
void ahead_end(struct ahead *a);

/* Once it has gone by itself: remove what it had begun, groups once they are empty, and the file
 * system of a cell that was not handed over. */
void ahead_tidy(const struct ahead *a, const struct cell_maker *m);
