/*
 * callback.h - telling somebody's URL of the end of a submission: what is to be sent, and what
 * became of it; part of the store (store.h has the rules).
 *
 *     the submission ends                     callback_sent
 *            |                     +-------------------------------> DELIVERED --+
 *            v                     |                                             |
 *        PENDING --callback_take--> PENDING, held --callback_failed--> FAILED ---+ callback_again
 *            ^  ^                  |                                             |
 *            |  +--callback_retry--+                                             |
 *            +-------------------------------------------------------------------+
 *
 * 1. Exactly one for each submission that has a callback_url and has ended: the row is made in the
 *    transaction that ends it, and its primary key is the submission's id.
 * 2. At least once: a row is DELIVERED only after the receiver has said so. Who dies between the
 *    receiver's answer and callback_sent sends it again, with the same id.
 * 3. Tries are counted before they are made, so that one which kills its sender is not made
 * forever.
 * 4. callback_take gives a number (attempt) that the answer must carry: what a sender says of an
 *    older try changes nothing.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sandbox/base/err.h"
#include "schema/store.h"

#define CALLBACK_STATES(X)                                                                         \
    X(PENDING, "pending")                                                                          \
    X(DELIVERED, "delivered")                                                                      \
    X(FAILED, "failed")

enum callback_state {
    CALLBACK_NONE = 0,
#define X(id, name) CALLBACK_##id,
    CALLBACK_STATES(X)
#undef X
};

enum { CALLBACK_ATTEMPTS_MAX = 100 }; /* what callbacks.attempts may be at most */

const char *callback_state_name(enum callback_state s);
enum callback_state callback_state_from_name(const char *name); /* CALLBACK_NONE when unknown */

struct callback {
    char id[STORE_ID_BYTES]; /* the submission's */
    int64_t key_id;
    char *url, *host; /* host: "example.org:443", for limits per host */
    enum callback_state state;
    int64_t attempts;        /* tries made; since the last redelivery was asked for */
    int64_t created_unix_ms; /* when the submission ended */
    int64_t since_unix_ms;   /* what its age counts from: that, or the last request to redeliver */
    int64_t due_unix_ms;     /* pending: when it is tried next, or given up as lost by its sender */
    int64_t ended_unix_ms;   /* 0: pending */
    int64_t http_status;     /* of the last answer, 0: none yet */
    char *message;           /* why the last try failed, NULL: it did not */
};

void callback_done(struct callback *c);
void callbacks_free(struct callback *rows, size_t count);

/* ---- sending: one process at a time (the courier holds a lock), in small relaxed transactions */

/* Take the one that has been due longest and whose host is none of `busy`: it is counted as tried,
 * and comes back by itself after hold_ms. *ret_found false: none is due. */
must_check_ int callback_take(struct store *s, int64_t hold_ms, const char *const *busy,
                              size_t busy_count, struct callback *ret, bool *ret_found,
                              struct err *e);

/* When the next one is due: unix ms, INT64_MAX when none is pending. */
must_check_ int callback_next(struct store *s, int64_t *ret_unix_ms, struct err *e);

/* What became of try number `attempt`. Nothing changes when it is not the last that was taken. */
must_check_ int callback_sent(struct store *s, const char *id, int64_t attempt, int64_t http_status,
                              struct err *e);
must_check_ int callback_retry(struct store *s, const char *id, int64_t attempt,
                               int64_t due_unix_ms, int64_t http_status, const char *message,
                               struct err *e);
must_check_ int callback_failed(struct store *s, const char *id, int64_t attempt,
                                int64_t http_status, const char *message, struct err *e);

/* Its sender stops before there was an answer: due again at once, and the try does not count. */
must_check_ int callback_put_back(struct store *s, const char *id, int64_t attempt, struct err *e);

/* At a sender's start: those that one which died had taken are due at once; their tries count. */
must_check_ int callback_recover(struct store *s, int64_t *ret_count, struct err *e);

/* ---- asking */

struct callback_filter {
    int64_t key_id;            /* -1: any */
    enum callback_state state; /* NONE: any */
    const char *before_id;     /* newest first, ids below this one; NULL: from the newest */
    int64_t limit;             /* 1..1000 */
};

must_check_ int callback_list(struct store *s, const struct callback_filter *f,
                              struct callback **ret, size_t *ret_count, struct err *e);
must_check_ int callback_load(struct store *s, const char *id, struct callback *ret,
                              bool *ret_found, struct err *e);

/* Send it (again), whatever became of it: pending and due now, with its tries and age counted anew.
 * Durable. */
must_check_ int callback_again(struct store *s, const char *id, bool *ret_found, struct err *e);

struct callback_counts {
    int64_t pending, failed; /* now */
};
must_check_ int callback_counts(struct store *s, struct callback_counts *ret, struct err *e);

/* ---- the secrets that sign them, one for each API key */

enum { CALLBACK_SECRET_BYTES = 32 };

struct callback_secrets {
    bool found;
    uint8_t current[CALLBACK_SECRET_BYTES], previous[CALLBACK_SECRET_BYTES];
    int64_t created_unix_ms;
    int64_t previous_end_unix_ms; /* previous also signs until then; 0: there is none */
};

must_check_ int callback_secrets_load(struct store *s, int64_t key_id, struct callback_secrets *ret,
                                      struct err *e);

/* Make a secret for this key, durably. The one it had, if any, also signs for grace_ms more. */
must_check_ int callback_secret_new(struct store *s, int64_t key_id, int64_t grace_ms,
                                    struct callback_secrets *ret, struct err *e);
