/* number.h - decimal numbers in outputs, and whether two of them are close enough. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum { NUMBER_BYTES_MAX = 400 }; /* a double of 1e308 written in full has 309 digits */

/* Whether both texts are decimal numbers (sign, digits, point, exponent; no "inf", no hex) of at
 * most NUMBER_BYTES_MAX bytes and |got - want| <= absolute, or <= relative * |want|. */
bool number_close(const char *want, size_t want_len, const char *got, size_t got_len,
                  double absolute, double relative);
