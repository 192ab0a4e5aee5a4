/* number.c - reads decimal numbers strictly and compares them with tolerance; slots. */
#include "worker/number.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static size_t digits(const char *s, size_t len, size_t at)
{
    while (at < len && s[at] >= '0' && s[at] <= '9')
        at++;
    return at;
}

/* [+-] (digits [. [digits]] | . digits) [eE [+-] digits] */
static bool is_number(const char *s, size_t len)
{
    size_t at = len > 0 && (s[0] == '+' || s[0] == '-') ? 1 : 0;
    size_t whole = digits(s, len, at) - at;
    size_t fraction = 0;
    at += whole;
    if (at < len && s[at] == '.') {
        fraction = digits(s, len, at + 1) - at - 1;
        at += 1 + fraction;
    }
    if (whole + fraction == 0)
        return false;
    if (at < len && (s[at] == 'e' || s[at] == 'E')) {
        at += at + 1 < len && (s[at + 1] == '+' || s[at + 1] == '-') ? 2 : 1;
        size_t end = digits(s, len, at);
        if (end == at)
            return false;
        at = end;
    }
    return at == len;
}

static bool parse(const char *s, size_t len, double *ret)
{
    char text[NUMBER_BYTES_MAX + 1];
    if (len > NUMBER_BYTES_MAX || !is_number(s, len))
        return false;
    memcpy(text, s, len);
    text[len] = '\0';
    *ret = strtod(text, NULL);
    return true;
}

bool number_close(const char *want, size_t want_len, const char *got, size_t got_len,
                  double absolute, double relative)
{
    double w = 0, g = 0;
    if (!parse(want, want_len, &w) || !parse(got, got_len, &g))
        return false;
    if (w == g)
        return true;
    double off = fabs(g - w);
    return isfinite(off) && (off <= absolute || off <= relative * fabs(w));
}
