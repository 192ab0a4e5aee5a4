/* utf8.h - is it UTF-8? Strict, as RFC 3629 has it: no overlong forms, no surrogates, nothing past
 * U+10FFFF. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Length (1 to 4) of the valid sequence at `s`, or 0 when the bytes there are none. len > 0. */
size_t utf8_sequence(const char *s, size_t len);

/* Whether all of it is UTF-8. The empty text is. NUL is a valid character here. */
bool utf8_valid(const char *s, size_t len);
