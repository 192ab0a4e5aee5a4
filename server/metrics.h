/* metrics.h - counters and histograms of this server, for /metrics. All calls are thread-safe. */
#pragma once

#include "sandbox/base/buf.h"
#include "sandbox/base/quotas.h"
#include "server/hub.h"
#include "server/route.h"

struct metrics;

struct metrics *metrics_new(void);
void metrics_free(struct metrics *m);

/* One answered request; `route` NULL: none was found. */
void metrics_http(struct metrics *m, const struct route *route, unsigned status);

/* One request that was refused because of a quota. */
void metrics_refused(struct metrics *m, enum quota quota);

/* One finished submission; ctx is the struct metrics. For hub_options. */
void metrics_finished(void *ctx, const struct hub_times *t);

/* Append what is counted here as Prometheus text (version 0.0.4). */
void metrics_write(struct metrics *m, struct buf *b);
