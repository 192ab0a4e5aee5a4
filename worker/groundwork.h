/*
 * groundwork.h - what the first submissions of a language would otherwise pay for, done by an idle
 * slot after its start: what compiles share is made (prepared.h), and each hello is compiled and
 * run once, so that compilers, headers, runtimes and libraries are in the page cache before they
 * count as anybody's time.
 *
 * It never stands in the way: one command at a time, stopped at once when something comes, begun
 * again at the next idle moment; only when there has been none for GROUNDWORK_PATIENCE_MS a command
 * is run to its end all the same. Bounded: each language gets one round for each start of the
 * worker, by one slot.
 */
#pragma once

#include <stdatomic.h>

#include "sandbox/base/log.h"
#include "worker/artifact.h"
#include "worker/events.h"
#include "worker/language.h"

enum { GROUNDWORK_PATIENCE_MS = 60000 };

/* What it works with, borrowed. */
struct groundwork_tools {
    const struct conf *conf;
    const struct log *log;
    const struct language_set *languages;
    struct artifact_cache *artifacts;
    struct box *box;
    struct events *events;
};

struct groundwork {
    struct groundwork_tools tools;
    atomic_size_t *next;    /* the language whose turn it is; kept outside when a slot that dies
                               over one shall not come back to it */
    atomic_size_t own_next; /* where nobody keeps it */
    int step;
    int64_t idle_mono_ns; /* the last idle moment that was long enough, or the start */
    int64_t spent_ns;
};

/* `next` NULL: kept here. */
void groundwork_init(struct groundwork *g, const struct groundwork_tools *tools,
                     atomic_size_t *next);

/* Whether something is left to do. */
bool groundwork_left(const struct groundwork *g);

/* Whether there was no idle moment for too long. */
bool groundwork_overdue(const struct groundwork *g);

/* One command. What a language does wrong is logged, and the next one's turn; an error means that
 * the box cannot be used any more. */
must_check_ int groundwork_step(struct groundwork *g, struct err *e);
