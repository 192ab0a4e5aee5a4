/* base64.h - RFC 4648 text for bytes that are no text: standard alphabet for fields, URL-safe for
 * cursors. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "sandbox/base/buf.h"

/* Append `data` in the standard alphabet, padded, on one line. */
void base64_encode(struct buf *b, const void *data, size_t len);

/* Append `data` in the URL-safe alphabet without padding. */
void base64_encode_url(struct buf *b, const void *data, size_t len);

/* Append the bytes that `text` stands for. Both alphabets and line ends are accepted, padding may
 * be missing. False, with *ret_at the first offending offset, when it is no base64. `b` has no
 * ceiling. */
bool base64_decode(struct buf *b, const char *text, size_t len, size_t *ret_at);
