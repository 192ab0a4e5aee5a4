/* exact.c - numbers of JSON, digit by digit; the `minos` process. */
#include "server/cli/exact.h"

#include <stdbool.h>
#include <string.h>

#define MARK "\\u0001"

static void add(struct buf *b, const char *from, const char *to)
{
    struct err e;
    (void)!buf_add(b, from, (size_t)(to - from), &e); /* without a ceiling it cannot fail */
}

/* After the string that begins at `p`, a quote. */
static const char *skip_string(const char *p, const char *end)
{
    for (p++; p < end && *p != '"'; p++)
        if (*p == '\\' && p + 1 < end)
            p++;
    return p < end ? p + 1 : end;
}

static bool starts(const char *p, const char *end, const char *with)
{
    size_t len = strlen(with);
    return (size_t)(end - p) >= len && memcmp(p, with, len) == 0;
}

static const char *skip_digits(const char *p, const char *end)
{
    while (p < end && *p >= '0' && *p <= '9')
        p++;
    return p;
}

/* After the number that begins at `p` (RFC 8259, 6), NULL when there is none with a fraction or an
 * exponent. */
static const char *skip_real(const char *p, const char *end)
{
    const char *digits = p + (p < end && *p == '-');
    const char *at = skip_digits(digits, end);
    bool real = false;
    if (at == digits || (*digits == '0' && at > digits + 1))
        return NULL;
    if (at < end && *at == '.') {
        const char *fraction = at + 1;
        at = skip_digits(fraction, end);
        real = true;
        if (at == fraction)
            return NULL;
    }
    if (at < end && (*at == 'e' || *at == 'E')) {
        const char *exponent = at + 1;
        exponent += exponent < end && (*exponent == '+' || *exponent == '-');
        at = skip_digits(exponent, end);
        real = true;
        if (at == exponent)
            return NULL;
    }
    return real ? at : NULL;
}

/* After a separator, or after what is neither that, a string, nor a real number. */
static const char *skip_word(const char *p, const char *end)
{
    static const char separators[] = "\"[]{},: \t\r\n";
    const char *from = p;
    while (p < end && memchr(separators, *p, sizeof separators - 1) == NULL)
        p++;
    return p == from ? p + 1 : p;
}

void exact_mark(const char *json, size_t len, struct buf *ret)
{
    const char *end = json + len, *next;
    for (const char *p = json; p < end; p = next) {
        const char *real = skip_real(p, end);
        if (*p == '"') {
            next = skip_string(p, end);
            bool marked = starts(p + 1, next, MARK);
            buf_puts(ret, marked ? "\"" MARK "s" : "\"");
            add(ret, p + 1, next);
        } else if (real != NULL) {
            next = real;
            buf_puts(ret, "\"" MARK "n");
            add(ret, p, next);
            buf_puts(ret, "\"");
        } else {
            next = skip_word(p, end);
            add(ret, p, next);
        }
    }
}

void exact_unmark(const char *json, size_t len, struct buf *ret)
{
    const char *end = json + len, *next;
    for (const char *p = json; p < end; p = next) {
        next = *p == '"' ? skip_string(p, end) : skip_word(p, end);
        if (starts(p, next, "\"" MARK "n")) {
            add(ret, p + strlen("\"" MARK "n"), next - 1);
        } else if (starts(p, next, "\"" MARK "s")) {
            buf_puts(ret, "\"");
            add(ret, p + strlen("\"" MARK "s"), next);
        } else {
            add(ret, p, next);
        }
    }
}
