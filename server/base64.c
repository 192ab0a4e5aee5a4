/* base64.c - RFC 4648; minos-server. */
#include "server/base64.h"

#include <stdint.h>
#include <stdlib.h>

static const char standard[65] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char url_safe[65] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* A buffer without ceiling refuses nothing. */
static void add(struct buf *b, const void *data, size_t len)
{
    struct err e;
    if (buf_add(b, data, len, &e) != 0)
        abort();
}

static void encode(struct buf *b, const uint8_t *u, size_t len, const char *alphabet, bool pad)
{
    for (size_t i = 0; i < len; i += 3) {
        size_t n = len - i < 3 ? len - i : 3;
        uint32_t v = (uint32_t)u[i] << 16;
        if (n > 1)
            v |= (uint32_t)u[i + 1] << 8;
        if (n > 2)
            v |= u[i + 2];
        char out[4] = { alphabet[v >> 18], alphabet[(v >> 12) & 63], alphabet[(v >> 6) & 63],
                        alphabet[v & 63] };
        for (size_t k = n + 1; k < 4; k++)
            out[k] = '=';
        add(b, out, pad ? 4 : n + 1);
    }
}

void base64_encode(struct buf *b, const void *data, size_t len)
{
    encode(b, data, len, standard, true);
}

void base64_encode_url(struct buf *b, const void *data, size_t len)
{
    encode(b, data, len, url_safe, false);
}

static int digit(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == '+' || c == '-')
        return 62;
    return c == '/' || c == '_' ? 63 : -1;
}

bool base64_decode(struct buf *b, const char *text, size_t len, size_t *ret_at)
{
    uint32_t v = 0;
    int bits = 0;
    size_t digits = 0, pads = 0;
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '\n' || text[i] == '\r')
            continue;
        int d = digit(text[i]);
        if (text[i] == '=')
            pads++;
        *ret_at = i;
        if (text[i] == '=' ? pads > 2 : d < 0 || pads > 0)
            return false;
        if (text[i] == '=')
            continue;
        digits++;
        v = (v << 6) | (uint32_t)d;
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            uint8_t byte = (uint8_t)(v >> bits);
            v &= (1U << bits) - 1;
            add(b, &byte, 1);
        }
    }
    /* one digit left over is no byte; bits left over must be zero, or two texts mean one value */
    *ret_at = len;
    return digits % 4 != 1 && v == 0 && (pads == 0 || (digits + pads) % 4 == 0);
}
