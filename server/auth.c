/*
 * auth.c - API keys; minos-server.
 *
 * A key has 256 random bits and only its SHA-256 is ever compared, in constant time, so neither the
 * look-up nor the cache tells anything about a key by its timing. Keys that do not exist are not
 * cached: guessing costs the guesser, and cannot push real keys out.
 */
#include "server/auth.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "sandbox/base/clock.h"

enum {
    CACHE = 256,
    KEEP_MS = 5000, /* how long a revocation by another server may take to be seen */
    SECRET_MAX = 128,
};

struct cached {
    uint8_t sha256[STORE_SHA256_BYTES];
    struct auth_who who;
    int64_t until_mono_ns;
};

struct auth {
    struct readers *readers;
    pthread_mutex_t lock;
    struct quotas defaults;
    uint64_t generation; /* grows with each auth_forget */
    struct cached cache[CACHE];
};

struct auth *auth_new(struct readers *readers, const struct quotas *defaults)
{
    struct auth *a = xcalloc(1, sizeof *a);
    a->readers = readers;
    a->defaults = *defaults;
    pthread_mutex_init(&a->lock, NULL);
    return a;
}

void auth_free(struct auth *a)
{
    if (a == NULL)
        return;
    pthread_mutex_destroy(&a->lock);
    free(a);
}

void auth_forget(struct auth *a)
{
    pthread_mutex_lock(&a->lock);
    a->generation++;
    memset(a->cache, 0, sizeof a->cache);
    pthread_mutex_unlock(&a->lock);
}

void auth_set_quotas(struct auth *a, const struct quotas *defaults)
{
    pthread_mutex_lock(&a->lock);
    a->defaults = *defaults;
    pthread_mutex_unlock(&a->lock);
    auth_forget(a);
}

static struct quotas defaults_of(struct auth *a)
{
    pthread_mutex_lock(&a->lock);
    struct quotas q = a->defaults;
    pthread_mutex_unlock(&a->lock);
    return q;
}

static bool same(const uint8_t *a, const uint8_t *b)
{
    volatile uint8_t differs = 0;
    for (size_t i = 0; i < STORE_SHA256_BYTES; i++)
        differs |= a[i] ^ b[i];
    return differs == 0;
}

static bool cache_get(struct auth *a, const uint8_t *sha256, struct auth_who *ret,
                      uint64_t *ret_generation)
{
    const struct cached *c = &a->cache[sha256[0] % CACHE];
    pthread_mutex_lock(&a->lock);
    bool found = clock_mono_ns() < c->until_mono_ns && same(c->sha256, sha256);
    if (found)
        *ret = c->who;
    *ret_generation = a->generation;
    pthread_mutex_unlock(&a->lock);
    return found;
}

/* Unless a revocation came in between: what was read before it may be out of date. */
static void cache_put(struct auth *a, const uint8_t *sha256, const struct auth_who *who,
                      uint64_t generation)
{
    struct cached *c = &a->cache[sha256[0] % CACHE];
    pthread_mutex_lock(&a->lock);
    if (a->generation == generation) {
        memcpy(c->sha256, sha256, sizeof c->sha256);
        c->who = *who;
        c->until_mono_ns = clock_mono_ns() + KEEP_MS * NS_PER_MS;
    }
    pthread_mutex_unlock(&a->lock);
}

int auth_find(struct auth *a, const char *header, struct auth_who *ret, bool *ret_found,
              struct err *e)
{
    *ret_found = false;
    if (strncasecmp(header, "Bearer ", 7) != 0)
        return 0;
    const char *secret = header + 7 + strspn(header + 7, " ");
    if (strncmp(secret, "mns_", 4) != 0 || strlen(secret) > SECRET_MAX)
        return 0;
    uint8_t sha256[STORE_SHA256_BYTES];
    uint64_t generation = 0;
    store_sha256(secret, strlen(secret), sha256);
    if (cache_get(a, sha256, ret, &generation)) {
        *ret_found = true;
        return 0;
    }
    auto_reader_ struct reader_loan loan = { a->readers, NULL };
    struct api_key key = { 0 };
    if (readers_take(a->readers, &loan.store, e) != 0 ||
        key_find(loan.store, secret, &key, ret_found, e) != 0)
        return -1;
    if (*ret_found) {
        const struct quotas defaults = defaults_of(a);
        unsigned all = KEY_SUBMIT | KEY_READ | KEY_ADMIN;
        *ret = (struct auth_who){ key.id, (key.scopes & KEY_ADMIN) != 0 ? all : key.scopes,
                                  quotas_resolve(&key.quotas, &defaults) };
        cache_put(a, sha256, ret, generation);
        api_key_done(&key);
    }
    return 0;
}
