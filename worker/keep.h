/* keep.h - the head and the tail of an output of any length, in bounded memory. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "sandbox/base/buf.h"
#include "schema/store.h"

struct keep {
    struct buf head;
    char *ring; /* the last bytes after the head, oldest at ring_at once it is full */
    size_t head_max, ring_max, ring_len, ring_at;
    int64_t total_bytes;
};

#define auto_keep_ __attribute__((cleanup(keep_done)))

/* Keep at most `max_bytes`: the first half and the last half. */
void keep_init(struct keep *k, size_t max_bytes);
void keep_done(struct keep *k);

void keep_add(struct keep *k, const void *data, size_t len);

/* Append what is kept, head then tail, to b (without ceiling); *ret_head_bytes is where the tail
 * begins when something between was dropped, else the whole length. */
void keep_get(const struct keep *k, struct buf *b, int64_t *ret_head_bytes);

/* Store what is kept as a blob (none when the output is empty). */
must_check_ int keep_store(const struct keep *k, struct store *s, struct kept_output *ret,
                           struct err *e);
