/* store_id.c - ids (ULIDs) and SHA-256; server and worker. */
#include <assert.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "sandbox/base/clock.h"
#include "schema/store.h"

/* ---- ids */

enum {
    RANDOM_BYTES = 10,
    RANDOM_DIGITS = 16, /* 80 bits, 5 a digit */
    TIME_DIGITS = 10,
};

static const char digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"; /* Crockford: no I, L, O, U */

/*
 * The last id made. The one mutable variable of the process: ids made in one millisecond must grow,
 * whichever thread makes them, and a context would only move the lock somewhere else. `pid` sees to
 * it that a forked child does not go on where its parent does.
 */
static struct {
    pthread_mutex_t lock;
    pid_t pid;
    int64_t unix_ms;
    uint64_t high, low; /* the 80 random bits: 40 and 40 */
} last = { .lock = PTHREAD_MUTEX_INITIALIZER };

#define MASK_40 ((UINT64_C(1) << 40) - 1)

static uint64_t number(const uint8_t *p, size_t len)
{
    uint64_t v = 0;
    for (size_t i = 0; i < len; i++)
        v = v << 8 | p[i];
    return v;
}

static void random_bytes(uint8_t *p, size_t len)
{
    /* Up to 256 bytes come whole once the pool is ready (getrandom(2)). */
    ssize_t n = getrandom(p, len, 0);
    assert(n == (ssize_t)len);
}

/* Advance `last`, which is locked: fresh random bits in a new millisecond; a random stride beyond
 * the last ones within the same, or when the clock went back, so that neither the order nor the
 * secret of the next id is lost. */
static void advance(void)
{
    uint8_t r[RANDOM_BYTES];
    random_bytes(r, sizeof r);
    int64_t now_unix_ms = clock_unix_ms();
    pid_t pid = getpid();
    if (pid == last.pid && now_unix_ms <= last.unix_ms) {
        uint64_t low = last.low + number(r, 4) + 1;
        last.high += low >> 40;
        last.low = low & MASK_40;
        if (last.high <= MASK_40)
            return;
        now_unix_ms = last.unix_ms + 1; /* all 80 bits used up: borrow from the future */
    }
    last.pid = pid;
    last.unix_ms = now_unix_ms;
    last.high = number(r, 5);
    last.low = number(r + 5, 5);
}

static void write_digits(char *out, int count, uint64_t v)
{
    while (count-- > 0) {
        out[count] = digits[v & 31];
        v >>= 5;
    }
}

void store_new_id(char ret_id[STORE_ID_BYTES])
{
    pthread_mutex_lock(&last.lock);
    advance();
    uint64_t unix_ms = (uint64_t)last.unix_ms, high = last.high, low = last.low;
    pthread_mutex_unlock(&last.lock);
    write_digits(ret_id, TIME_DIGITS, unix_ms);
    write_digits(ret_id + TIME_DIGITS, RANDOM_DIGITS / 2, high);
    write_digits(ret_id + TIME_DIGITS + RANDOM_DIGITS / 2, RANDOM_DIGITS / 2, low);
    ret_id[STORE_ID_BYTES - 1] = '\0';
}

bool store_id_valid(const char *id)
{
    /* 26 digits hold 130 bits: the first may use three. */
    return strlen(id) == STORE_ID_BYTES - 1 && strspn(id, digits) == STORE_ID_BYTES - 1 &&
           id[0] <= '7';
}

/* ---- hashes */

void store_sha256(const void *data, size_t len, uint8_t ret[STORE_SHA256_BYTES])
{
    SHA256(len != 0 ? data : (const void *)"", len, ret);
}

void store_hex(const uint8_t hash[STORE_SHA256_BYTES], char ret[STORE_HEX_BYTES])
{
    static const char hex[] = "0123456789abcdef";
    for (size_t i = 0; i < STORE_SHA256_BYTES; i++) {
        ret[2 * i] = hex[hash[i] >> 4];
        ret[2 * i + 1] = hex[hash[i] & 15];
    }
    ret[STORE_HEX_BYTES - 1] = '\0';
}

/* struct store_hash is libcrypto's context under a name of ours. */
struct store_hash *store_hash_new(void)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    if (ctx == NULL || EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) != 1)
        abort(); /* out of memory, or a libcrypto without SHA-256 */
    return (struct store_hash *)ctx;
}

void store_hash_add(struct store_hash *h, const void *data, size_t len)
{
    if (EVP_DigestUpdate((EVP_MD_CTX *)h, data, len) != 1)
        abort();
}

void store_hash_end(struct store_hash *h, uint8_t ret[STORE_SHA256_BYTES])
{
    if (EVP_DigestFinal_ex((EVP_MD_CTX *)h, ret, NULL) != 1)
        abort();
    EVP_MD_CTX_free((EVP_MD_CTX *)h);
}
