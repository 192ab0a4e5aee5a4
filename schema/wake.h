/*
 * wake.h - "something changed" between the processes that share a store, by datagram sockets below
 * DATA/run: a hint that saves polling and never the truth, which is in the store. A lost one costs
 * at most the receiver's own slow tick.
 */
#pragma once

#include <stddef.h>

#include "sandbox/base/err.h"
#include "schema/store.h"

enum wake_topic {
    WAKE_QUEUE, /* to workers: there is something to claim; or the submission `id` was cancelled */
    WAKE_PROGRESS, /* to servers: submission `id` has moved (state, a test, its end) */
    WAKE_CALLBACK, /* to the courier: a callback is due */
};

struct wake_event {
    enum wake_topic topic;
    char id[STORE_ID_BYTES]; /* "" when it is about no one submission */
};

struct wake;

/* Bind DATA/run/<role>-<pid>-<n>.sock to receive `topic`. Stale sockets of dead processes are
 * removed. */
must_check_ int wake_open(const char *data_dir, enum wake_topic topic, struct wake **ret,
                          struct err *e);
void wake_close(struct wake *w);   /* removes the socket */
int wake_fd(const struct wake *w); /* readable when events wait; non-blocking */

/* Next event, *ret_found false when none waits. After so many in a row that others may have been
 * lost, one with id "" tells the receiver to look at everything it waits for. */
must_check_ int wake_next(struct wake *w, struct wake_event *ret, bool *ret_found, struct err *e);

/* Tell every receiver of `topic` (WAKE_QUEUE with id "" only needs one idle slot, but telling all
 * is allowed). Never blocks, never fails. */
void wake_send(const char *data_dir, enum wake_topic topic, const char *id);

/* The same from who owns a store, of its data directory. Keeps what it needs in the store: cheaper
 * for those who do so often. */
void wake_tell(struct store *store, enum wake_topic topic, const char *id);

struct wake_sender;                           /* what it keeps; */
void wake_sender_free(struct wake_sender *s); /* store_close does; accepts NULL */
