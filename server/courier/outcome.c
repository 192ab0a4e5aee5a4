/* outcome.c - what a try came to; minos-courier. */
#include "server/courier/outcome.h"

int64_t outcome_pause_ms(const struct conf *c, int64_t attempt, uint32_t chance)
{
    int64_t pause_ms = c->callbacks_retry_first_ms;
    for (int64_t i = 1; i < attempt && pause_ms < c->callbacks_retry_max_ms; i++)
        pause_ms *= 2;
    if (pause_ms > c->callbacks_retry_max_ms)
        pause_ms = c->callbacks_retry_max_ms;
    int64_t half_ms = pause_ms / 2;
    return pause_ms - half_ms + (int64_t)((uint64_t)chance * (uint64_t)(half_ms + 1) >> 32);
}

static bool is_success(int64_t status)
{
    return status >= 200 && status <= 299;
}

/* What may be otherwise another time. A redirect is not followed, and any other 4xx says that this
 * request is wrong: a person has to look. */
static bool is_passing(const struct order_reply *r)
{
    switch (r->end) {
    case ORDER_REFUSED:
        return false;
    case ORDER_UNREACHED:
        return true;
    case ORDER_ANSWERED:
        break;
    }
    return r->http_status == 429 || r->http_status == 408 || r->http_status >= 500;
}

struct outcome outcome_decide(const struct conf *c, const struct callback *cb,
                              const struct order_reply *r, int64_t now_unix_ms, uint32_t chance)
{
    if (r->end == ORDER_ANSWERED && is_success(r->http_status))
        return (struct outcome){ CALLBACK_DELIVERED, 0 };
    if (!is_passing(r) || cb->attempts >= c->callbacks_attempts)
        return (struct outcome){ CALLBACK_FAILED, 0 };
    int64_t pause_ms = outcome_pause_ms(c, cb->attempts, chance);
    if (r->retry_after_ms > pause_ms)
        pause_ms = r->retry_after_ms;
    int64_t left_ms = cb->since_unix_ms + c->callbacks_age_ms - now_unix_ms;
    if (pause_ms > left_ms)
        return (struct outcome){ CALLBACK_FAILED, 0 };
    return (struct outcome){ CALLBACK_PENDING, now_unix_ms + pause_ms };
}
