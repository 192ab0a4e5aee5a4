/* utf8.c - RFC 3629, table 3-7 of the Unicode standard; every process. */
#include "sandbox/base/utf8.h"

static bool continues(const unsigned char *u, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++)
        if ((u[i] & 0xc0) != 0x80)
            return false;
    return true;
}

size_t utf8_sequence(const char *s, size_t len)
{
    const unsigned char *u = (const unsigned char *)s;
    if (u[0] < 0x80)
        return 1;
    if (u[0] >= 0xc2 && u[0] <= 0xdf)
        return len >= 2 && continues(u, 1, 2) ? 2 : 0;
    if (u[0] >= 0xe0 && u[0] <= 0xef) {
        if (len < 3 || !continues(u, 1, 3) || (u[0] == 0xe0 && u[1] < 0xa0) ||
            (u[0] == 0xed && u[1] > 0x9f))
            return 0;
        return 3;
    }
    if (u[0] >= 0xf0 && u[0] <= 0xf4) {
        if (len < 4 || !continues(u, 1, 4) || (u[0] == 0xf0 && u[1] < 0x90) ||
            (u[0] == 0xf4 && u[1] > 0x8f))
            return 0;
        return 4;
    }
    return 0;
}

bool utf8_valid(const char *s, size_t len)
{
    for (size_t i = 0; i < len;) {
        size_t n = utf8_sequence(s + i, len - i);
        if (n == 0)
            return false;
        i += n;
    }
    return true;
}
