/* sse.h - reading server-sent events as the HTML standard defines the stream (section "Server-sent
 * events"): bytes in, in any pieces; whole events out. */
#pragma once

#include <stddef.h>

#include "sandbox/base/buf.h"
#include "sandbox/base/err.h"

struct sse {
    struct buf line, event, data;
    /* Called for each event; returning nonzero stops the reading. `event` is "message" when the
     * stream named none. */
    int (*on_event)(void *ctx, const char *event, const char *data);
    void *ctx;
};

enum { SSE_EVENT_BYTES_MAX = 16 << 20 };

void sse_init(struct sse *s, int (*on_event)(void *ctx, const char *event, const char *data),
              void *ctx);
void sse_done(struct sse *s);

/* Feed bytes. Returns what on_event returned when it was nonzero (the rest is dropped), else 0; -1
 * with `e` when a line or an event passes SSE_EVENT_BYTES_MAX. */
must_check_ int sse_feed(struct sse *s, const char *bytes, size_t len, struct err *e);
