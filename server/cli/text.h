/* text.h - text between JSON and people: the API's text fields (a string, or {"base64": "..."} when
 * the bytes are not UTF-8), and what may be shown on a terminal. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "sandbox/base/buf.h"
#include "sandbox/base/err.h"

/* A new text field for these bytes: a string when they are UTF-8 without NUL, else base64. */
json_t *text_to_json(const char *data, size_t len);

/* Append the bytes of a text field. NULL and null are empty. ERR_INPUT when it is none. */
must_check_ int text_from_json(const json_t *field, struct buf *b, struct err *e);

/* Append base64 (RFC 4648) of the bytes, padded. */
void text_base64(const char *data, size_t len, struct buf *b);

/* Append `text` so that it is safe to show: control characters (but newline and tab) and bytes that
 * are not UTF-8 become \xNN. A judged program chose these bytes, and terminals obey some of them.
 */
void text_visible(const char *text, size_t len, struct buf *b);

/* A string member of an object; "" when it is missing or no string. Owned by `o`. */
const char *text_member(const json_t *o, const char *name);

/* Print a value as indented JSON and a newline on standard output, numbers as the server wrote them
 * (exact.h). */
must_check_ int text_print_json(const json_t *value, struct err *e);
