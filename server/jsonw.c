/* jsonw.c - the JSON writer; minos-server. */
#include "server/jsonw.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sandbox/base/clock.h"
#include "sandbox/base/utf8.h"
#include "server/base64.h"

void jsonw_init(struct jsonw *w, struct buf *b, const struct fields *only)
{
    *w = (struct jsonw){ .b = b, .only = only };
}

static void add(struct buf *b, const char *data, size_t len)
{
    struct err e;
    if (buf_add(b, data, len, &e) != 0)
        abort(); /* the writer's buffers have no ceiling */
}

static bool is_plain(unsigned char c)
{
    return c >= 0x20 && c != '"' && c != '\\' && c != 0x7f;
}

/* Whole runs of plain bytes at a time: outputs are long and rarely need an escape. */
static void add_string(struct buf *b, const char *text, size_t len)
{
    add(b, "\"", 1);
    for (size_t i = 0; i < len;) {
        size_t run = i;
        while (run < len && is_plain((unsigned char)text[run]))
            run++;
        add(b, text + i, run - i);
        i = run;
        if (i == len)
            break;
        if (text[i] == '"' || text[i] == '\\')
            buf_printf(b, "\\%c", text[i]);
        else if (text[i] == '\n')
            add(b, "\\n", 2);
        else
            buf_printf(b, "\\u%04x", (unsigned char)text[i]);
        i++;
    }
    add(b, "\"", 1);
}

bool jsonw_wants(const struct jsonw *w, const char *key)
{
    if (w->skipped > 0)
        return false;
    if (w->only == NULL || key == NULL || w->objects > 2)
        return true;
    return w->objects == 1 ? fields_want(w->only, key, NULL) : fields_want(w->only, w->top, key);
}

/* Comma and key of the next value; false when it is dropped. */
static bool begin(struct jsonw *w, const char *key)
{
    if (!jsonw_wants(w, key))
        return false;
    if (w->comma)
        add(w->b, ",", 1);
    w->comma = true;
    if (key != NULL) {
        add_string(w->b, key, strlen(key));
        add(w->b, ":", 1);
    }
    if (w->objects == 1 && key != NULL)
        w->top = key;
    return true;
}

static void open_container(struct jsonw *w, const char *key, const char *bracket)
{
    if (!begin(w, key)) {
        w->skipped++;
        return;
    }
    add(w->b, bracket, 1);
    w->comma = false;
}

static bool close_container(struct jsonw *w, const char *bracket)
{
    if (w->skipped > 0) {
        w->skipped--;
        return false;
    }
    add(w->b, bracket, 1);
    w->comma = true;
    return true;
}

void jsonw_object(struct jsonw *w, const char *key)
{
    open_container(w, key, "{");
    if (w->skipped == 0)
        w->objects++;
}

void jsonw_end_object(struct jsonw *w)
{
    if (close_container(w, "}"))
        w->objects--;
}

void jsonw_array(struct jsonw *w, const char *key)
{
    open_container(w, key, "[");
}

void jsonw_end_array(struct jsonw *w)
{
    (void)close_container(w, "]");
}

void jsonw_raw(struct jsonw *w, const char *key, const char *json)
{
    if (begin(w, key))
        buf_puts(w->b, json != NULL ? json : "null");
}

void jsonw_null(struct jsonw *w, const char *key)
{
    jsonw_raw(w, key, "null");
}

void jsonw_bool(struct jsonw *w, const char *key, bool v)
{
    jsonw_raw(w, key, v ? "true" : "false");
}

void jsonw_int(struct jsonw *w, const char *key, int64_t v)
{
    if (begin(w, key))
        buf_printf(w->b, "%" PRId64, v);
}

void jsonw_int_or_null(struct jsonw *w, const char *key, int64_t v, bool known)
{
    if (known)
        jsonw_int(w, key, v);
    else
        jsonw_null(w, key);
}

void jsonw_real(struct jsonw *w, const char *key, double v)
{
    if (!isfinite(v))
        jsonw_null(w, key);
    else if (begin(w, key))
        buf_printf(w->b, "%.17g", v);
}

void jsonw_textn(struct jsonw *w, const char *key, const char *v, size_t len)
{
    if (begin(w, key))
        add_string(w->b, v, len);
}

void jsonw_prose(struct jsonw *w, const char *key, const char *v)
{
    auto_buf_ struct buf b = { 0 };
    for (size_t len = strlen(v), i = 0; i < len;) {
        size_t n = utf8_sequence(v + i, len - i);
        add(&b, n > 0 ? v + i : "\xef\xbf\xbd", n > 0 ? n : 3);
        i += n > 0 ? n : 1;
    }
    jsonw_textn(w, key, buf_text(&b), b.len);
}

void jsonw_text(struct jsonw *w, const char *key, const char *v)
{
    if (v == NULL)
        jsonw_null(w, key);
    else
        jsonw_bytes(w, key, v, strlen(v));
}

void jsonw_bytes(struct jsonw *w, const char *key, const void *data, size_t len)
{
    if (len == 0 || utf8_valid(data, len)) {
        jsonw_textn(w, key, len != 0 ? data : "", len);
    } else if (begin(w, key)) {
        buf_puts(w->b, "{\"base64\":\"");
        base64_encode(w->b, data, len);
        buf_puts(w->b, "\"}");
    }
}

void jsonw_ms(struct jsonw *w, const char *key, int64_t ns)
{
    int64_t us = (ns + 500) / 1000;
    if (ns < 0)
        jsonw_null(w, key);
    else if (begin(w, key))
        buf_printf(w->b, "%" PRId64 ".%03d", us / 1000, (int)(us % 1000));
}

void jsonw_instant(struct jsonw *w, const char *key, int64_t unix_ms)
{
    char when[CLOCK_RFC3339_BYTES];
    if (unix_ms == 0)
        jsonw_null(w, key);
    else
        jsonw_text(w, key, clock_rfc3339(unix_ms, when));
}
