/* buf.c - the bounded growing buffer and the allocators that do not fail; every process, never
 * between clone and exec. */
#include "sandbox/base/buf.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sandbox/base/utf8.h"

static void *or_abort(void *p)
{
    if (p == NULL) {
        fputs("event=out_of_memory\n", stderr);
        abort();
    }
    return p;
}

void *xmalloc(size_t len)
{
    return or_abort(malloc(len != 0 ? len : 1));
}

void *xcalloc(size_t count, size_t size)
{
    return or_abort(calloc(count != 0 ? count : 1, size != 0 ? size : 1));
}

void *xrealloc(void *p, size_t len)
{
    return or_abort(realloc(p, len != 0 ? len : 1));
}

char *xstrdup(const char *s)
{
    return or_abort(strdup(s));
}

char *xstrndup(const char *s, size_t len)
{
    char *p = xmalloc(len + 1);
    memcpy(p, s, len);
    p[len] = '\0';
    return p;
}

char *xasprintf(const char *fmt, ...)
{
    char *p = NULL;
    va_list ap;
    va_start(ap, fmt);
    int n = vasprintf(&p, fmt, ap);
    va_end(ap);
    return or_abort(n < 0 ? NULL : p);
}

void buf_init(struct buf *b, size_t max_bytes)
{
    *b = (struct buf){ .max_bytes = max_bytes };
}

void buf_done(struct buf *b)
{
    free(b->data);
    *b = (struct buf){ .max_bytes = b->max_bytes };
}

static void reserve(struct buf *b, size_t more)
{
    size_t need = b->len + more + 1;
    if (need <= b->cap)
        return;
    size_t cap = b->cap < 128 ? 128 : b->cap * 2;
    b->cap = cap < need ? need : cap;
    b->data = xrealloc(b->data, b->cap);
}

int buf_add(struct buf *b, const void *data, size_t len, struct err *e)
{
    if (b->max_bytes != 0 && len > b->max_bytes - b->len)
        return err_input(e, "more than %zu bytes", b->max_bytes);
    reserve(b, len);
    if (len != 0)
        memcpy(b->data + b->len, data, len);
    b->len += len;
    b->data[b->len] = '\0';
    return 0;
}

void buf_puts(struct buf *b, const char *text)
{
    size_t len = strlen(text);
    reserve(b, len);
    memcpy(b->data + b->len, text, len + 1);
    b->len += len;
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n > 0) {
        reserve(b, (size_t)n);
        vsnprintf(b->data + b->len, (size_t)n + 1, fmt, again);
        b->len += (size_t)n;
    }
    va_end(again);
}

void buf_json_string(struct buf *b, const char *text, size_t len)
{
    buf_puts(b, "\"");
    for (size_t i = 0; i < len;) {
        size_t n = utf8_sequence(text + i, len - i);
        unsigned char c = (unsigned char)text[i];
        if (n == 0) {
            buf_puts(b, "\xef\xbf\xbd");
            n = 1;
        } else if (c < 0x20 || c == '"' || c == '\\') {
            buf_printf(b, "\\u%04x", c);
        } else {
            buf_printf(b, "%.*s", (int)n, text + i);
        }
        i += n;
    }
    buf_puts(b, "\"");
}

const char *buf_text(const struct buf *b)
{
    return b->data != NULL ? b->data : "";
}

char *buf_take(struct buf *b)
{
    char *p = b->data != NULL ? b->data : xstrdup("");
    *b = (struct buf){ .max_bytes = b->max_bytes };
    return p;
}
