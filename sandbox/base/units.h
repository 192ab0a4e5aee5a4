/*
 * units.h - numbers with units, read strictly: the whole text must be consumed, nothing is guessed,
 * and `ret` is written only on success. All errors are ERR_INPUT and quote the text.
 */
#pragma once

#include <stdint.h>

#include "sandbox/base/err.h"

/* Decimal integer within [min, max]; an optional leading '-'. */
must_check_ int units_parse_int(const char *text, int64_t min, int64_t max, int64_t *ret,
                                struct err *e);

/* Bytes: a whole number and an optional K, M, G or T (powers of 1024; "KiB"-style tails are
 * accepted: 64K, 64KiB). */
must_check_ int units_parse_bytes(const char *text, int64_t *ret_bytes, struct err *e);

/* Duration: a decimal number (up to 9 decimals) and a unit: ns, us, ms, s, m, h. "1.5s", "200ms". A
 * unit is a must. */
must_check_ int units_parse_duration(const char *text, int64_t *ret_ns, struct err *e);

enum { UNITS_TEXT_BYTES = 32 };

/* For people: "256 MiB", "1.5 s", "12.345 ms". `buf` holds at least UNITS_TEXT_BYTES; returns buf.
 */
char *units_format_bytes(int64_t bytes, char buf[UNITS_TEXT_BYTES]);
char *units_format_duration(int64_t ns, char buf[UNITS_TEXT_BYTES]);
