/*
 * rejudge.h - judging again. A verdict never changes: what is judged again is a new submission that
 * asks the same and says which one it repeats; both stay.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schema/store.h"

/* One call, whoever made it. */
struct rejudge_call {
    int64_t key_id; /* who calls; the new submissions belong to the owners of the old */
    const char *idempotency_key; /* NULL: none */
    uint8_t request_sha256[STORE_SHA256_BYTES];
    int64_t priority;
    const char *next_id; /* given back when the call is repeated; NULL */
};

struct rejudge_pair {
    char id[STORE_ID_BYTES], of[STORE_ID_BYTES];
};

/* Why nothing was made: the queue is full, or an owner's quota is used up. */
struct rejudge_refusal {
    enum quota quota; /* QUOTA_NONE: the queue */
    int64_t limit;    /* the owner's */
    int64_t retry_ms; /* 0: it was not refused */
};

/* What a call made. */
struct rejudge_made {
    struct rejudge_pair *pairs;
    size_t count;
    char next_id[STORE_ID_BYTES]; /* "": none */
    struct rejudge_refusal refusal;
};

void rejudge_made_done(struct rejudge_made *m);

/* What an earlier call with this idempotency key made (as far as it is still there); *ret_found
 * false when there was none. ERR_INPUT "idempotency_key: ...": it asked for something else. */
must_check_ int rejudge_find_repeat(struct store *s, const struct rejudge_call *c,
                                    struct rejudge_made *ret, bool *ret_found, struct err *e);

/* Ask again what each of these asked: all of them or none, durably. Those that are gone, or have
 * not ended, are left out. A call that is repeated gets what the first one made, *ret_repeated.
 * ERR_BUSY and ret->refusal: the queue is full, or an owner's quota is used up. */
must_check_ int rejudge_make(struct store *s, const struct rejudge_call *c,
                             const char (*ids)[STORE_ID_BYTES], size_t count,
                             struct rejudge_made *ret, bool *ret_repeated, struct err *e);
