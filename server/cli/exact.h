/*
 * exact.h - JSON of the server as it was sent: a number such as 3.500 or 1e2 does not survive being
 * read as a double and written again. So what is only printed is read with such numbers as strings
 * that begin with a mark, which is taken away when it is written:
 *
 *     3.500         <-> "\u0001n3.500"
 *     "\u0001text"  <-> "\u0001s\u0001text"     (a string that begins as marks do)
 */
#pragma once

#include <stddef.h>

#include "sandbox/base/buf.h"

/* Append the JSON text with numbers that have a fraction or an exponent marked. What is no JSON
 * stays none. */
void exact_mark(const char *json, size_t len, struct buf *ret);

/* Append the JSON text without marks. */
void exact_unmark(const char *json, size_t len, struct buf *ret);
