/* keep.c - keeps the head and the tail of an output; slots. */
#include "worker/keep.h"

#include <stdlib.h>
#include <string.h>

#include "sandbox/base/cleanup.h"

void keep_init(struct keep *k, size_t max_bytes)
{
    *k = (struct keep){ .head_max = max_bytes - max_bytes / 2, .ring_max = max_bytes / 2 };
    buf_init(&k->head, 0);
}

void keep_done(struct keep *k)
{
    buf_done(&k->head);
    free(k->ring);
    k->ring = NULL;
}

static void ring_add(struct keep *k, const char *data, size_t len)
{
    if (k->ring_max == 0 || len == 0)
        return;
    if (k->ring == NULL)
        k->ring = xmalloc(k->ring_max);
    if (len > k->ring_max) {
        data += len - k->ring_max;
        len = k->ring_max;
    }
    while (len > 0) {
        size_t n = k->ring_max - k->ring_at;
        n = n < len ? n : len;
        memcpy(k->ring + k->ring_at, data, n);
        k->ring_at = (k->ring_at + n) % k->ring_max;
        k->ring_len = k->ring_len + n < k->ring_max ? k->ring_len + n : k->ring_max;
        data += n;
        len -= n;
    }
}

void keep_add(struct keep *k, const void *data, size_t len)
{
    struct err ignored;
    size_t room = k->head_max - k->head.len;
    size_t n = len < room ? len : room;
    k->total_bytes += (int64_t)len;
    if (n != 0 && buf_add(&k->head, data, n, &ignored) != 0)
        abort(); /* a buffer without ceiling does not refuse */
    ring_add(k, (const char *)data + n, len - n);
}

void keep_get(const struct keep *k, struct buf *b, int64_t *ret_head_bytes)
{
    struct err ignored;
    size_t first = k->ring_len == k->ring_max ? k->ring_max - k->ring_at : k->ring_len;
    const char *oldest = k->ring_len == k->ring_max ? k->ring + k->ring_at : k->ring;
    if (buf_add(b, buf_text(&k->head), k->head.len, &ignored) != 0)
        abort();
    if (k->ring_len != 0 && (buf_add(b, oldest, first, &ignored) != 0 ||
                             buf_add(b, k->ring, k->ring_len - first, &ignored) != 0))
        abort();
    int64_t kept = (int64_t)(k->head.len + k->ring_len);
    *ret_head_bytes = kept == k->total_bytes ? kept : (int64_t)k->head.len;
}

int keep_store(const struct keep *k, struct store *s, struct kept_output *ret, struct err *e)
{
    struct kept_output out = { .bytes = k->total_bytes };
    auto_buf_ struct buf text;
    buf_init(&text, 0);
    keep_get(k, &text, &out.head_bytes);
    out.truncated = (int64_t)text.len < k->total_bytes;
    if (text.len != 0 && blob_put(s, buf_text(&text), text.len, &out.blob, e) != 0)
        return -1;
    *ret = out;
    return 0;
}
