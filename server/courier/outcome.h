/* outcome.h - what a try came to: delivered, again later, or failed; pure, for the courier. */
#pragma once

#include <stdint.h>

#include "sandbox/base/conf.h"
#include "schema/callback.h"
#include "server/courier/order.h"

struct outcome {
    enum callback_state state; /* PENDING: tried again at due_unix_ms */
    int64_t due_unix_ms;
};

/* The receiver's answer, or its absence, and what is left of tries and time decide. `chance` is
 * any 32 random bits: pauses that were equal are not, so that receivers which come back are not met
 * by everybody at once. */
struct outcome outcome_decide(const struct conf *c, const struct callback *cb,
                              const struct order_reply *r, int64_t now_unix_ms, uint32_t chance);

/* The pause after try number `attempt` (from 1): retry_first_ms, doubled with each, at most
 * retry_max_ms, and of that between half and all. */
int64_t outcome_pause_ms(const struct conf *c, int64_t attempt, uint32_t chance);
