/* clock.c - reading and printing time; every process. */
#include "sandbox/base/clock.h"

#include <stdio.h>
#include <time.h>

int64_t clock_mono_ns(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

int64_t clock_unix_ms(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_REALTIME, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / NS_PER_MS;
}

char *clock_rfc3339(int64_t unix_ms, char buf[CLOCK_RFC3339_BYTES])
{
    time_t seconds = (time_t)(unix_ms / 1000);
    struct tm tm = { .tm_mday = 1 }; /* stays so when the year does not fit an int */
    gmtime_r(&seconds, &tm);
    size_t n = strftime(buf, CLOCK_RFC3339_BYTES, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(buf + n, CLOCK_RFC3339_BYTES - n, ".%03dZ", (int)(unix_ms % 1000));
    return buf;
}
