/*
 * wire_fields.h - one field of a message: writing it, and reading it with all its checks. Private
 * to wire.c.
 *
 * Readers use a cursor that remembers its first fault and from then on gives zeros, so that the
 * reader of a message is a list of fields with one check at the end, and none can be left
 * unchecked.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "sandbox/wire.h"

/* --- writing fields --------------------------------------------------------------------------- */

static inline void put_bytes(struct wire_out *o, const void *data, size_t len)
{
    if (len > sizeof o->data - o->len) {
        o->overflow = true;
        return;
    }
    if (len > 0)
        memcpy(o->data + o->len, data, len);
    o->len += len;
}

static inline void put_u8(struct wire_out *o, uint8_t v)
{
    put_bytes(o, &v, 1);
}

static inline void put_u32(struct wire_out *o, uint32_t v)
{
    const uint8_t b[4] = { v & 0xff, (v >> 8) & 0xff, (v >> 16) & 0xff, v >> 24 };
    put_bytes(o, b, sizeof b);
}

static inline void put_i64(struct wire_out *o, int64_t v)
{
    put_u32(o, (uint32_t)((uint64_t)v & 0xffffffff));
    put_u32(o, (uint32_t)((uint64_t)v >> 32));
}

static inline void put_text(struct wire_out *o, const char *text)
{
    size_t len = strlen(text);
    if (len > sizeof o->data) {
        o->overflow = true;
        return;
    }
    put_u32(o, (uint32_t)len);
    put_bytes(o, text, len + 1);
}

static inline void put_strings(struct wire_out *o, const char *const *strings)
{
    uint32_t count = 0;
    size_t bytes = 0;
    for (; strings != NULL && strings[count] != NULL && bytes < sizeof o->data; count++)
        bytes += strlen(strings[count]) + 1;
    if (bytes > sizeof o->data) {
        o->overflow = true;
        return;
    }
    put_u32(o, count);
    put_u32(o, (uint32_t)bytes);
    for (uint32_t i = 0; i < count; i++)
        put_bytes(o, strings[i], strlen(strings[i]) + 1);
}

/* --- reading fields --------------------------------------------------------------------------- */

struct cursor {
    const uint8_t *data;
    size_t len, at;
    const char *type;
    const char *field, *fault; /* the first that is wrong; NULL while all is well */
};

static inline void fail(struct cursor *c, const char *field, const char *fault)
{
    if (c->fault != NULL)
        return;
    c->field = field;
    c->fault = fault;
}

static inline void want(struct cursor *c, bool holds, const char *field, const char *fault)
{
    if (!holds)
        fail(c, field, fault);
}

/* The next `len` bytes; NULL when the message is too short or already faulty. */
static inline const uint8_t *get_bytes(struct cursor *c, size_t len, const char *field)
{
    if (len > c->len - c->at)
        fail(c, field, "the message ends too early");
    if (c->fault != NULL)
        return NULL;
    const uint8_t *p = c->data + c->at;
    c->at += len;
    return p;
}

static inline uint8_t get_u8(struct cursor *c, const char *field)
{
    const uint8_t *p = get_bytes(c, 1, field);
    return p != NULL ? p[0] : 0;
}

static inline bool get_bool(struct cursor *c, const char *field)
{
    uint8_t v = get_u8(c, field);
    want(c, v <= 1, field, "expected 0 or 1");
    return v == 1;
}

static inline uint32_t get_u32(struct cursor *c, const char *field)
{
    const uint8_t *p = get_bytes(c, 4, field);
    if (p == NULL)
        return 0;
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static inline int64_t get_i64(struct cursor *c, const char *field)
{
    uint64_t low = get_u32(c, field);
    uint64_t high = get_u32(c, field);
    return (int64_t)(high << 32 | low);
}

/* A number that was put as 64 bits and must lie within [min, max]. */
static inline int64_t get_range(struct cursor *c, int64_t min, int64_t max, const char *field)
{
    int64_t v = get_i64(c, field);
    want(c, v >= min && v <= max, field, "out of range");
    return c->fault == NULL ? v : min;
}

static inline uint32_t get_count(struct cursor *c, uint32_t min, uint32_t max, const char *field)
{
    uint32_t v = get_u32(c, field);
    want(c, v >= min && v <= max, field, "out of range");
    return c->fault == NULL ? v : 0;
}

/* A text of at most max_bytes without its NUL; "" once faulty, never NULL. */
static inline const char *get_text(struct cursor *c, size_t max_bytes, const char *field)
{
    uint32_t len = get_u32(c, field);
    want(c, len <= max_bytes, field, "too long");
    const uint8_t *p = c->fault == NULL ? get_bytes(c, (size_t)len + 1, field) : NULL;
    if (p == NULL)
        return "";
    want(c, p[len] == 0, field, "no NUL at the end");
    want(c, memchr(p, 0, len) == NULL, field, "a NUL in the middle");
    return c->fault == NULL ? (const char *)p : "";
}

static inline struct wire_strings get_strings(struct cursor *c, const char *field)
{
    static const struct wire_strings none;
    uint32_t count = get_count(c, 0, WIRE_STRINGS_MAX, field);
    uint32_t len = get_u32(c, field);
    want(c, len <= BOX_ARGS_BYTES_MAX, field, "too long");
    const char *p = (const char *)get_bytes(c, c->fault == NULL ? len : 0, field);
    if (p == NULL)
        return none;
    uint32_t seen = 0;
    for (uint32_t i = 0; i < len; i++)
        seen += p[i] == '\0';
    want(c, len == 0 || p[len - 1] == '\0', field, "no NUL at the end");
    want(c, seen == count, field, "the count of texts is not what was promised");
    if (c->fault != NULL)
        return none;
    return (struct wire_strings){ .bytes = p, .len = len, .count = count };
}
