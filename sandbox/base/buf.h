/*
 * buf.h - a growing byte buffer with a ceiling. The bytes are always followed by a NUL that does
 * not count, so text can be used as a C string. What would pass the ceiling is refused whole
 * (ERR_INPUT), what heap cannot give aborts.
 */
#pragma once

#include <stddef.h>

#include "sandbox/base/err.h"

struct buf {
    char *data;       /* NULL while empty */
    size_t len;       /* bytes in use */
    size_t cap;       /* bytes allocated */
    size_t max_bytes; /* ceiling for len; 0: none */
};

#define auto_buf_ __attribute__((cleanup(buf_done)))

void buf_init(struct buf *b, size_t max_bytes);
void buf_done(struct buf *b);

/* Append bytes; -1 only when the ceiling would be passed (nothing is appended then). */
must_check_ int buf_add(struct buf *b, const void *data, size_t len, struct err *e);

/* Append text to a buffer without ceiling: cannot fail. */
void buf_puts(struct buf *b, const char *text);
void buf_printf(struct buf *b, const char *fmt, ...) format_(2, 3);

/* Append `text` as a JSON string, quotes included. Bytes that are not UTF-8 become U+FFFD. */
void buf_json_string(struct buf *b, const char *text, size_t len);

/* The text so far; "" when empty. Owned by the buffer. */
const char *buf_text(const struct buf *b);

/* Give the heap block to the caller, who frees it; the buffer is empty after. Never NULL. */
char *buf_take(struct buf *b);

/* malloc, calloc and strdup that abort rather than return NULL. */
void *xmalloc(size_t len) __attribute__((returns_nonnull, malloc));
void *xcalloc(size_t count, size_t size) __attribute__((returns_nonnull, malloc));
void *xrealloc(void *p, size_t len) __attribute__((returns_nonnull));
char *xstrdup(const char *s) __attribute__((returns_nonnull, malloc));
char *xstrndup(const char *s, size_t len) __attribute__((returns_nonnull, malloc));
char *xasprintf(const char *fmt, ...) __attribute__((returns_nonnull, malloc)) format_(1, 2);
