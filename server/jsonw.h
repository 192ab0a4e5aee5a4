/*
 * jsonw.h - writing JSON straight into a buffer: no tree, our own number formats, and the ?fields=
 * choice made on the way (a member that is not wanted is dropped with all below it).
 *
 * `key` is NULL inside arrays and for the outermost value.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sandbox/base/buf.h"
#include "server/fields.h"

struct jsonw {
    struct buf *b;             /* without ceiling */
    const struct fields *only; /* NULL: everything */
    const char *top;           /* member of the outermost object that is open */
    int objects;               /* objects open now */
    int skipped;               /* containers open now that are being dropped */
    bool comma;
};

void jsonw_init(struct jsonw *w, struct buf *b, const struct fields *only);

void jsonw_object(struct jsonw *w, const char *key);
void jsonw_end_object(struct jsonw *w);
void jsonw_array(struct jsonw *w, const char *key);
void jsonw_end_array(struct jsonw *w);

/* Whether member `key` of the object that is open would be shown: ask before costly work. */
bool jsonw_wants(const struct jsonw *w, const char *key);

void jsonw_null(struct jsonw *w, const char *key);
void jsonw_bool(struct jsonw *w, const char *key, bool v);
void jsonw_int(struct jsonw *w, const char *key, int64_t v);
void jsonw_int_or_null(struct jsonw *w, const char *key, int64_t v, bool known);
void jsonw_real(struct jsonw *w, const char *key, double v);
void jsonw_text(struct jsonw *w, const char *key, const char *v); /* NULL: null */
/* For messages, which may be cut within a character: always a string, what is no UTF-8 becomes
 * U+FFFD. */
void jsonw_prose(struct jsonw *w, const char *key, const char *v);
void jsonw_textn(struct jsonw *w, const char *key, const char *v, size_t len);
/* A string when it is UTF-8, else {"base64": "..."}. */
void jsonw_bytes(struct jsonw *w, const char *key, const void *data, size_t len);
/* Milliseconds with three decimals, rounded to the microsecond. */
void jsonw_ms(struct jsonw *w, const char *key, int64_t ns);
/* RFC 3339 in UTC; 0: null. */
void jsonw_instant(struct jsonw *w, const char *key, int64_t unix_ms);
/* `json` as it is; NULL: null. */
void jsonw_raw(struct jsonw *w, const char *key, const char *json);
