/* store_id.c - ids (ULIDs) and SHA-256; server and worker. */
#include <assert.h>
#include <nettle/sha2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "sandbox/base/buf.h"
#include "sandbox/base/clock.h"
#include "schema/store.h"

/* ---- ids */

enum {
    TIME_DIGITS = 10, /* 48 bits of milliseconds in 50 */
    FINE_DIGITS = 4,  /* 20 bits: nanoseconds within the millisecond */
    RANDOM_DIGITS = 12,
    RANDOM_BYTES = 8, /* 60 bits of them */
};

static const char digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"; /* Crockford: no I, L, O, U */

static void write_digits(char *out, int count, uint64_t v)
{
    while (count-- > 0) {
        out[count] = digits[v & 31];
        v >>= 5;
    }
}

/*
 * Ids must grow within one millisecond, too. Others remember the last one and count up, which needs
 * a lock and a variable that all threads share, goes wrong in a forked child, and makes the next id
 * easy to guess. Here the nanoseconds come before the random bits. The clock is read after a system
 * call, so no two readings of a thread are the same.
 */
void store_new_id(char ret_id[STORE_ID_BYTES])
{
    uint64_t bits = 0;
    struct timespec now;
    ssize_t n = getrandom(&bits, RANDOM_BYTES, 0); /* whole, up to 256 bytes (getrandom(2)) */
    assert(n == RANDOM_BYTES);
    clock_gettime(CLOCK_REALTIME, &now);
    uint64_t ns = (uint64_t)now.tv_nsec;
    write_digits(ret_id, TIME_DIGITS, (uint64_t)now.tv_sec * 1000 + ns / NS_PER_MS);
    write_digits(ret_id + TIME_DIGITS, FINE_DIGITS, ns % NS_PER_MS);
    write_digits(ret_id + TIME_DIGITS + FINE_DIGITS, RANDOM_DIGITS, bits);
    ret_id[STORE_ID_BYTES - 1] = '\0';
}

void store_id_at(int64_t unix_ms, char ret_id[STORE_ID_BYTES])
{
    write_digits(ret_id, TIME_DIGITS, unix_ms > 0 ? (uint64_t)unix_ms : 0);
    write_digits(ret_id + TIME_DIGITS, FINE_DIGITS + RANDOM_DIGITS, 0);
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
    struct sha256_ctx ctx;
    sha256_init(&ctx);
    sha256_update(&ctx, len, data);
    sha256_digest(&ctx, STORE_SHA256_BYTES, ret);
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

static int digit(char c)
{
    static const char hex[] = "0123456789abcdef";
    const char *d = c != '\0' ? strchr(hex, c) : NULL;
    return d != NULL ? (int)(d - hex) : -1;
}

bool store_unhex(const char *hex, uint8_t ret[STORE_SHA256_BYTES])
{
    if (strlen(hex) != STORE_HEX_BYTES - 1)
        return false;
    for (size_t i = 0; i < STORE_SHA256_BYTES; i++) {
        int high = digit(hex[2 * i]), low = digit(hex[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        ret[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

struct store_hash {
    struct sha256_ctx ctx;
};

struct store_hash *store_hash_new(void)
{
    struct store_hash *h = xcalloc(1, sizeof *h);
    sha256_init(&h->ctx);
    return h;
}

void store_hash_add(struct store_hash *h, const void *data, size_t len)
{
    sha256_update(&h->ctx, len, data);
}

void store_hash_end(struct store_hash *h, uint8_t ret[STORE_SHA256_BYTES])
{
    sha256_digest(&h->ctx, STORE_SHA256_BYTES, ret);
    free(h);
}
