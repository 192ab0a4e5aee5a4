/* units.c - strict reading and friendly printing of sizes and durations; every process. */
#include "sandbox/base/units.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "sandbox/base/cleanup.h"
#include "sandbox/base/clock.h"

int units_parse_int(const char *text, int64_t min, int64_t max, int64_t *ret, struct err *e)
{
    char *end;
    errno = 0;
    long long v = strtoll(text, &end, 10);
    bool starts =
        isdigit((unsigned char)text[0]) || (text[0] == '-' && isdigit((unsigned char)text[1]));
    if (!starts || *end != '\0' || errno != 0 || v < min || v > max)
        return err_input(e,
                         "expected a whole number from %" PRId64 " to %" PRId64 ", got \"%.64s\"",
                         min, max, text);
    *ret = v;
    return 0;
}

int units_parse_bytes(const char *text, int64_t *ret_bytes, struct err *e)
{
    static const char units[] = "KMGT";
    char *end;
    errno = 0;
    long long v = isdigit((unsigned char)text[0]) ? strtoll(text, &end, 10) : -1;
    int shift = 0;
    bool good = v >= 0 && errno == 0;
    if (good && *end != '\0') {
        const char *u = strchr(units, toupper((unsigned char)*end));
        good = u != NULL &&
               (end[1] == '\0' || strcmp(end + 1, "iB") == 0 || strcmp(end + 1, "B") == 0);
        shift = good ? 10 * (int)(u - units + 1) : 0;
    }
    if (!good || v > (INT64_MAX >> shift))
        return err_input(e, "expected a size such as 256M, got \"%.64s\"", text);
    *ret_bytes = (int64_t)v << shift;
    return 0;
}

/* The digits after the point as a number of billionths; advances *p past them. -1 when there are
 * none or too many. */
static int64_t parse_fraction(const char **p)
{
    int64_t value = 0;
    int digits = 0;
    for (; isdigit((unsigned char)**p); ++*p, digits++)
        value = digits < 9 ? value * 10 + (**p - '0') : value;
    if (digits == 0 || digits > 9)
        return -1;
    for (; digits < 9; digits++)
        value *= 10;
    return value;
}

int units_parse_duration(const char *text, int64_t *ret_ns, struct err *e)
{
    static const struct {
        const char *name;
        int64_t ns;
    } units[] = { { "ns", 1 },       { "us", 1000 },         { "ms", NS_PER_MS },
                  { "s", NS_PER_S }, { "m", 60 * NS_PER_S }, { "h", 3600 * NS_PER_S } };
    const char *p = text;
    int64_t whole = 0, fraction = 0;
    bool good = isdigit((unsigned char)*p);
    for (; isdigit((unsigned char)*p) && whole < INT64_C(1000000000000); p++)
        whole = whole * 10 + (*p - '0');
    if (good && *p == '.') {
        p++;
        fraction = parse_fraction(&p);
        good = fraction >= 0;
    }
    for (size_t i = 0; good && i < ARRAY_COUNT(units); i++) {
        int64_t unit_ns = units[i].ns;
        if (strcmp(p, units[i].name) != 0 || whole > (INT64_MAX - unit_ns) / unit_ns)
            continue;
        *ret_ns = whole * unit_ns + (int64_t)((__int128)fraction * unit_ns / NS_PER_S);
        return 0;
    }
    return err_input(e, "expected a duration such as 500ms or 2s, got \"%.64s\"", text);
}

char *units_format_bytes(int64_t bytes, char buf[UNITS_TEXT_BYTES])
{
    static const char *const names[] = { "B", "KiB", "MiB", "GiB", "TiB" };
    size_t i = 0;
    double v = (double)bytes;
    for (; v >= 1024 && i + 1 < ARRAY_COUNT(names); i++)
        v /= 1024;
    snprintf(buf, UNITS_TEXT_BYTES, v >= 100 || i == 0 ? "%.0f %s" : "%.1f %s", v, names[i]);
    return buf;
}

char *units_format_duration(int64_t ns, char buf[UNITS_TEXT_BYTES])
{
    if (ns >= 10 * NS_PER_S)
        snprintf(buf, UNITS_TEXT_BYTES, "%.1f s", (double)ns / NS_PER_S);
    else if (ns >= NS_PER_S)
        snprintf(buf, UNITS_TEXT_BYTES, "%.3f s", (double)ns / NS_PER_S);
    else
        snprintf(buf, UNITS_TEXT_BYTES, "%.3f ms", (double)ns / NS_PER_MS);
    return buf;
}
