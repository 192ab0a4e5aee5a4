/* rate.h - how many requests each API key makes, against requests_per_second and _per_minute. Held
 * in memory: a restart lets everybody begin anew. All calls are thread-safe. */
#pragma once

#include <stdint.h>

#include "sandbox/base/quotas.h"

struct rate;

struct rate *rate_new(void);
void rate_free(struct rate *r);

/* Count a request of a key that exists (0: without a key). The quota that it goes over, with the
 * time until there is room again; it is not counted then. */
enum quota rate_take(struct rate *r, int64_t key_id, const struct quotas *q, int64_t now_mono_ns,
                     int64_t *ret_wait_ms);
