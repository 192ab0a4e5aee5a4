/*
 * order.h - what passes between the two processes of minos-courier, over a socket pair that keeps
 * messages apart (SOCK_SEQPACKET): an order to try one callback, and what came of it. Both are the
 * same program, so structs go as they are; but the runner talks to strangers, so the courier
 * believes a reply only where order_reply_ok does.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/target.h"

enum {
    ORDER_SLOTS_MAX = 256,
    ORDER_TEXT_BYTES = 96 * 1024, /* url, headers and body, each with a NUL */
    ORDER_MESSAGE_BYTES = 256,
};

struct order {
    uint32_t slot; /* below ORDER_SLOTS_MAX; one order at a time in each */
    int64_t timeout_ms, response_bytes;
    struct target_rules rules;
    char ca_file[1024]; /* "": the system's */
    /* Where in `text` the parts begin; the body is body_len bytes and a NUL, headers are lines. */
    uint32_t url_at, headers_at, body_at, body_len, text_len;
    char text[ORDER_TEXT_BYTES];
};

/* How much of an order is sent. */
static inline size_t order_len(const struct order *o)
{
    return offsetof(struct order, text) + o->text_len;
}

enum order_end {
    ORDER_ANSWERED, /* http_status is what the receiver said */
    ORDER_REFUSED,  /* not tried: the address or the URL is not for callbacks */
    ORDER_UNREACHED /* no answer: the network, a time-out, TLS */
};

struct order_reply {
    uint32_t slot;
    enum order_end end;
    int64_t http_status;
    int64_t retry_after_ms; /* -1: the answer did not say */
    char message[ORDER_MESSAGE_BYTES];
};

/* Whether a reply has the form of one; its message is then a text of visible characters. */
bool order_reply_ok(struct order_reply *r, size_t len);
