/*
 * rate.c - token buckets, two a key; minos-server, HTTP threads.
 *
 * A bucket is one number (the "generic cell rate algorithm"): the time at which it will be full
 * again. A request moves that on by the time in which one token comes; it is refused when that
 * would be further ahead than the whole bucket.
 */
#include "server/rate.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "sandbox/base/buf.h"
#include "sandbox/base/clock.h"

enum { BUCKETS = 1024 };

/* Made when a key with a limit first asks; as many as there are such keys. */
struct meter {
    int64_t key_id;
    int64_t second_full_ns, minute_full_ns;
    struct meter *next;
};

struct rate {
    pthread_mutex_t lock;
    struct meter *meters[BUCKETS];
};

struct rate *rate_new(void)
{
    struct rate *r = xcalloc(1, sizeof *r);
    pthread_mutex_init(&r->lock, NULL);
    return r;
}

void rate_free(struct rate *r)
{
    if (r == NULL)
        return;
    for (size_t i = 0; i < BUCKETS; i++) {
        for (struct meter *m = r->meters[i], *next; m != NULL; m = next) {
            next = m->next;
            free(m);
        }
    }
    pthread_mutex_destroy(&r->lock);
    free(r);
}

static struct meter *meter_of(struct rate *r, int64_t key_id)
{
    struct meter **head = &r->meters[(uint64_t)key_id % BUCKETS];
    for (struct meter *m = *head; m != NULL; m = m->next)
        if (m->key_id == key_id)
            return m;
    struct meter *m = xcalloc(1, sizeof *m);
    m->key_id = key_id;
    m->next = *head;
    *head = m;
    return m;
}

/* A bucket of `size` tokens, of which one comes every `token_ns`: for how long it has none, 0: it
 * has one. */
static int64_t wait_ns(int64_t full_ns, int64_t token_ns, int64_t size, int64_t now_ns)
{
    int64_t ahead_ns = full_ns > now_ns ? full_ns - now_ns : 0;
    int64_t over_ns = ahead_ns - token_ns * (size - 1);
    return over_ns > 0 ? over_ns : 0;
}

static void take(int64_t *full_ns, int64_t token_ns, int64_t now_ns)
{
    *full_ns = (*full_ns > now_ns ? *full_ns : now_ns) + token_ns;
}

enum quota rate_take(struct rate *r, int64_t key_id, const struct quotas *q, int64_t now_mono_ns,
                     int64_t *ret_wait_ms)
{
    int64_t per_s = q->requests_per_second, per_min = q->requests_per_minute;
    if (per_s <= 0 && per_min <= 0)
        return QUOTA_NONE;
    int64_t burst = q->requests_burst > 0 ? q->requests_burst : per_s;
    int64_t second_ns = per_s > 0 ? NS_PER_S / per_s : 0;
    int64_t minute_ns = per_min > 0 ? 60 * NS_PER_S / per_min : 0;
    pthread_mutex_lock(&r->lock);
    struct meter *m = meter_of(r, key_id);
    int64_t by_s = per_s > 0 ? wait_ns(m->second_full_ns, second_ns, burst, now_mono_ns) : 0;
    int64_t by_min = per_min > 0 ? wait_ns(m->minute_full_ns, minute_ns, per_min, now_mono_ns) : 0;
    if (by_s == 0 && by_min == 0) {
        take(&m->second_full_ns, second_ns, now_mono_ns);
        take(&m->minute_full_ns, minute_ns, now_mono_ns);
    }
    pthread_mutex_unlock(&r->lock);
    int64_t longest_ns = by_s > by_min ? by_s : by_min;
    *ret_wait_ms = longest_ns / NS_PER_MS + (longest_ns > 0);
    return by_min > 0 ? QUOTA_REQUESTS_PER_MINUTE
           : by_s > 0 ? QUOTA_REQUESTS_PER_SECOND
                      : QUOTA_NONE;
}
