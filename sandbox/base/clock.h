/*
 * clock.h - the clocks, with the clock in every name. Durations and deadlines use CLOCK_MONOTONIC;
 * what people read uses the wall clock.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define NS_PER_MS INT64_C(1000000)
#define NS_PER_S INT64_C(1000000000)

int64_t clock_mono_ns(void);
int64_t clock_unix_ms(void);

enum { CLOCK_RFC3339_BYTES = 32 };

/* Write `unix_ms` as RFC 3339 in UTC with milliseconds, "2026-01-02T03:04:05.678Z", into buf of at
 * least CLOCK_RFC3339_BYTES; returns buf. */
char *clock_rfc3339(int64_t unix_ms, char buf[CLOCK_RFC3339_BYTES]);
