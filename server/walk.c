/* walk.c - reading JSON objects by table; minos-server. */
#include "server/walk.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sandbox/base/cleanup.h"
#include "sandbox/base/utf8.h"
#include "server/base64.h"
#include "server/decode.h"
#include "server/jsonw.h"

enum { BRIEF_BYTES = 100 };

char *decode_brief(const json_t *v)
{
    switch (json_typeof(v)) {
    case JSON_OBJECT:
        return xasprintf("\"object with %zu members\"", json_object_size(v));
    case JSON_ARRAY:
        return xasprintf("\"array of %zu items\"", json_array_size(v));
    case JSON_STRING: {
        size_t len = json_string_length(v), cut = 0;
        const char *s = json_string_value(v);
        while (cut < len && cut < BRIEF_BYTES)
            cut += utf8_sequence(s + cut, len - cut);
        auto_buf_ struct buf b = { 0 };
        struct jsonw w;
        jsonw_init(&w, &b, NULL);
        jsonw_textn(&w, NULL, s, cut);
        if (cut < len) {
            b.data[--b.len] = '\0'; /* reopen the string */
            buf_printf(&b, "... (%zu bytes)\"", len);
        }
        return buf_take(&b);
    }
    case JSON_INTEGER:
    case JSON_REAL:
    case JSON_TRUE:
    case JSON_FALSE:
    case JSON_NULL:
        break;
    }
    char *text = json_dumps(v, JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
    return text != NULL ? text : xstrdup("null");
}

void walk_fault(struct problem *p, const char *path, const json_t *v, const char *fmt, ...)
{
    char expected[ERR_MESSAGE_BYTES];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(expected, sizeof expected, fmt, ap);
    va_end(ap);
    auto_free_ char *value = v != NULL ? decode_brief(v) : NULL;
    problem_fault(p, path, value, "%s", expected);
}

char *walk_join(char buf[WALK_PATH_BYTES], const char *path, const char *name)
{
    int n = snprintf(buf, WALK_PATH_BYTES, "%s%s%s", path, path[0] != '\0' ? "." : "", name);
    if (n >= WALK_PATH_BYTES) { /* do not end within a character */
        size_t len = WALK_PATH_BYTES - 1;
        while (len > 0 && !utf8_valid(buf, len))
            len--;
        buf[len] = '\0';
    }
    return buf;
}

static bool has_control(const char *s, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)s[i] < 0x20 || s[i] == 0x7f)
            return true;
    return false;
}

static void read_text(struct problem *p, const json_t *v, const char *path,
                      const struct walk_row *row, const char **ret)
{
    size_t len = json_string_length(v);
    if (!json_is_string(v) || len < (size_t)row->min || len > (size_t)row->max ||
        has_control(json_string_value(v), len))
        walk_fault(p, path, v,
                   "a string of %" PRId64 " to %" PRId64 " bytes without control characters",
                   row->min, row->max);
    else
        *ret = json_string_value(v);
}

static void read_base64(struct problem *p, const json_t *v, const char *path,
                        struct draft_bytes *ret)
{
    const json_t *text = json_object_get(v, "base64");
    if (json_object_size(v) != 1 || !json_is_string(text)) {
        walk_fault(p, path, v, "a string, or an object {\"base64\": string}");
        return;
    }
    auto_buf_ struct buf b = { 0 };
    size_t at = 0;
    char full[WALK_PATH_BYTES];
    if (!base64_decode(&b, json_string_value(text), json_string_length(text), &at)) {
        walk_fault(p, walk_join(full, path, "base64"), text,
                   "base64 (RFC 4648); it goes wrong at character %zu", at);
        return;
    }
    ret->len = b.len;
    ret->data = ret->owned = buf_take(&b);
}

static void read_bytes(struct problem *p, const json_t *v, const char *path,
                       struct draft_bytes *ret)
{
    if (json_is_object(v)) {
        read_base64(p, v, path, ret);
    } else if (json_is_string(v)) {
        ret->data = json_string_value(v);
        ret->len = json_string_length(v);
    } else {
        walk_fault(p, path, v, "a string, or an object {\"base64\": string}");
    }
}

bool walk_integer(struct problem *p, const json_t *v, const char *path, int64_t min, int64_t max,
                  int64_t *ret)
{
    double r = json_is_real(v) ? json_real_value(v) : 0;
    /* 2^53: beyond it a double cannot tell one whole number from the next */
    bool whole = json_is_real(v) && fabs(r) <= 9007199254740992.0 && r == (double)(int64_t)r;
    int64_t n = whole ? (int64_t)r : (int64_t)json_integer_value(v);
    if ((json_is_integer(v) || whole) && n >= min && n <= max) {
        *ret = n;
        return true;
    }
    walk_fault(p, path, v, "a whole number from %" PRId64 " to %" PRId64, min, max);
    return false;
}

static void read_real(struct problem *p, const json_t *v, const char *path, struct walk_real *ret)
{
    if (!json_is_number(v) || json_number_value(v) < 0) {
        walk_fault(p, path, v, "a number, 0 or more");
        return;
    }
    *ret = (struct walk_real){ .given = true, .value = json_number_value(v) };
}

static void read_array(struct problem *p, json_t *v, const char *path, const struct walk_row *row,
                       json_t **ret)
{
    size_t count = json_array_size(v);
    bool strings = row->kind == WALK_STRINGS, ok = json_is_array(v);
    for (size_t i = 0; strings && i < count; i++)
        ok = ok && json_is_string(json_array_get(v, i));
    if (!ok || count < (size_t)row->min || count > (size_t)row->max)
        walk_fault(p, path, v, "an array of %" PRId64 " to %" PRId64 " %s", row->min, row->max,
                   strings ? "strings" : "items");
    else
        *ret = v;
}

static void read_member(struct problem *p, json_t *v, const char *path, const struct walk_row *row,
                        void *at)
{
    switch (row->kind) {
    case WALK_TEXT:
        read_text(p, v, path, row, at);
        break;
    case WALK_BYTES:
        read_bytes(p, v, path, at);
        break;
    case WALK_INT: {
        struct walk_int *n = at;
        n->given = walk_integer(p, v, path, row->min, row->max, &n->value);
        break;
    }
    case WALK_REAL:
        read_real(p, v, path, at);
        break;
    case WALK_BOOL:
        if (json_is_boolean(v))
            *(struct walk_bool *)at = (struct walk_bool){ true, json_is_true(v) };
        else
            walk_fault(p, path, v, "true or false");
        break;
    case WALK_OBJECT:
        if (json_is_object(v))
            *(json_t **)at = v;
        else
            walk_fault(p, path, v, "an object");
        break;
    case WALK_ARRAY:
    case WALK_STRINGS:
        read_array(p, v, path, row, at);
        break;
    }
}

static void unknown_member(struct problem *p, const json_t *v, const char *path,
                           const struct walk_row *rows, size_t row_count)
{
    auto_buf_ struct buf names = { 0 };
    for (size_t i = 0; i < row_count; i++)
        buf_printf(&names, "%s%s", i == 0 ? "" : ", ", rows[i].name);
    walk_fault(p, path, v, "no such field; there are: %s", buf_text(&names));
}

void walk_object(struct problem *p, const json_t *object, const char *path,
                 const struct walk_row *rows, size_t row_count, void *target)
{
    const char *key = NULL;
    json_t *v = NULL;
    json_object_foreach((json_t *)(uintptr_t)object, key, v)
    {
        char full[WALK_PATH_BYTES];
        walk_join(full, path, key);
        size_t i = 0;
        while (i < row_count && strcmp(rows[i].name, key) != 0)
            i++;
        if (i == row_count)
            unknown_member(p, v, full, rows, row_count);
        else if (!json_is_null(v))
            read_member(p, v, full, &rows[i], (char *)target + rows[i].offset);
    }
}
