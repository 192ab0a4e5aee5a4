/* instant.c - RFC 3339 to milliseconds; minos-server. */
#include "server/instant.h"

#include <ctype.h>
#include <string.h>
#include <time.h>

enum { MS_DIGITS = 3, MS_PER_MINUTE = 60000 };

/* `count` digits, moved past; -1 when there are fewer. */
static int take_number(const char **at, int count)
{
    int v = 0;
    for (int i = 0; i < count; i++, ++*at) {
        if (!isdigit((unsigned char)**at))
            return -1;
        v = 10 * v + **at - '0';
    }
    return v;
}

static bool take_char(const char **at, const char *allowed)
{
    if (**at == '\0' || strchr(allowed, **at) == NULL)
        return false;
    ++*at;
    return true;
}

/* Digits behind the point: three count. */
static bool take_fraction(const char **at, int64_t *ret_ms)
{
    int64_t ms = 0;
    int digits = 0;
    *ret_ms = 0;
    if (!take_char(at, "."))
        return true;
    for (; isdigit((unsigned char)**at); ++*at, digits++)
        if (digits < MS_DIGITS)
            ms = 10 * ms + **at - '0';
    for (int i = digits; i < MS_DIGITS; i++)
        ms *= 10;
    *ret_ms = ms;
    return digits > 0;
}

static bool take_zone(const char **at, int64_t *ret_minutes)
{
    *ret_minutes = 0;
    if (take_char(at, "Zz"))
        return true;
    int64_t sign = **at == '-' ? -1 : 1;
    if (!take_char(at, "+-"))
        return false;
    int hours = take_number(at, 2);
    bool colon = take_char(at, ":");
    int minutes = colon ? take_number(at, 2) : -1;
    *ret_minutes = sign * (60 * hours + minutes);
    return hours >= 0 && hours < 24 && minutes >= 0 && minutes < 60;
}

static bool take_date_time(const char **at, struct tm *ret)
{
    *ret = (struct tm){ 0 };
    int year = take_number(at, 4);
    bool ok = take_char(at, "-");
    int month = ok ? take_number(at, 2) : -1;
    ok = ok && take_char(at, "-");
    ret->tm_mday = ok ? take_number(at, 2) : -1;
    ok = ok && take_char(at, "Tt ");
    ret->tm_hour = ok ? take_number(at, 2) : -1;
    ok = ok && take_char(at, ":");
    ret->tm_min = ok ? take_number(at, 2) : -1;
    ok = ok && take_char(at, ":");
    ret->tm_sec = ok ? take_number(at, 2) : -1;
    ret->tm_year = year - 1900;
    ret->tm_mon = month - 1;
    return ok && year >= 1970 && month >= 1 && month <= 12 && ret->tm_mday >= 1 &&
           ret->tm_mday <= 31 && ret->tm_hour >= 0 && ret->tm_hour <= 23 && ret->tm_min >= 0 &&
           ret->tm_min <= 59 && ret->tm_sec >= 0 && ret->tm_sec <= 59;
}

bool instant_parse(const char *text, int64_t *ret_unix_ms)
{
    const char *at = text;
    struct tm tm;
    int64_t ms = 0, zone_minutes = 0;
    if (!take_date_time(&at, &tm) || !take_fraction(&at, &ms) || !take_zone(&at, &zone_minutes) ||
        *at != '\0')
        return false;
    int month = tm.tm_mon;
    int64_t unix_ms = (int64_t)timegm(&tm) * 1000 + ms - zone_minutes * MS_PER_MINUTE;
    if (unix_ms < 0 || tm.tm_mon != month) /* a day that the month has not */
        return false;
    *ret_unix_ms = unix_ms;
    return true;
}
