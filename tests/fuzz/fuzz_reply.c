/*
 * fuzz_reply.c - any bytes as what the courier's runner, who talks to strangers, says of a try:
 * libFuzzer's entry.
 *
 * What is believed is visible text, and leads to one of three ends; another try is in the future,
 * within the configured pauses, and not beyond the age of the callback.
 */
#include <assert.h>
#include <stdlib.h>

#include "sandbox/base/cleanup.h"
#include "server/courier/outcome.h"
#include "tests/fuzz/fuzz.h"

static void decide(const struct order_reply *r, struct input *in)
{
    struct conf c;
    conf_init(&c);
    int64_t now = 1800000000000;
    struct callback cb = { .attempts = 1 + take_byte(in) % 40,
                           .since_unix_ms = now - (int64_t)take_byte(in) * 3600000 };
    struct outcome o = outcome_decide(&c, &cb, r, now, (uint32_t)take_byte(in) << 24);
    bool good = r->end == ORDER_ANSWERED && r->http_status >= 200 && r->http_status < 300;
    assert((o.state == CALLBACK_DELIVERED) == good);
    assert(o.state == CALLBACK_DELIVERED || o.state == CALLBACK_FAILED ||
           o.state == CALLBACK_PENDING);
    if (o.state == CALLBACK_PENDING) {
        assert(o.due_unix_ms > now && cb.attempts < c.callbacks_attempts);
        assert(o.due_unix_ms <= cb.since_unix_ms + c.callbacks_age_ms);
    }
    conf_done(&c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct input in = { data, len };
    struct order_reply r = { 0 };
    uint8_t how[4] = { take_byte(&in), take_byte(&in), take_byte(&in), take_byte(&in) };
    struct input more = { how, sizeof how };
    size_t n = in.len < sizeof r ? in.len : sizeof r;
    if (n > 0)
        memcpy(&r, in.data, n);
    if (!order_reply_ok(&r, how[3] % 8 == 7 ? n : sizeof r))
        return 0;
    assert(r.slot < ORDER_SLOTS_MAX && memchr(r.message, '\0', sizeof r.message) != NULL);
    for (const char *p = r.message; *p != '\0'; p++)
        assert((unsigned char)*p >= 0x20 && *p != 0x7f);
    decide(&r, &more);
    return 0;
}
