/* conf_keys.c - the table of keys from conf.def, limits.def and quotas.def, with a reader and a
 * printer for each kind; every program, at its start. */
#include "sandbox/base/conf_keys.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "sandbox/base/cleanup.h"
#include "sandbox/base/clock.h"
#include "sandbox/base/units.h"

/* limits.def names kinds COUNT, BYTES, TIME. A ceiling has no ceiling but these. */
#define KIND_OF_COUNT CONF_INT
#define KIND_OF_BYTES CONF_BYTES
#define KIND_OF_TIME CONF_TIME
#define MAX_OF_COUNT INT64_C(4194304)    /* the kernel's most processes, PID_MAX_LIMIT */
#define MAX_OF_BYTES (INT64_C(1) << 50)  /* 1 PiB */
#define MAX_OF_TIME INT64_C(31536000000) /* a year */

#define LIMIT_KEY(section, name, kind, def, min, help)                                             \
    { #section "." #name,                                                                          \
      #section,                                                                                    \
      #name,                                                                                       \
      KIND_OF_##kind,                                                                              \
      NULL,                                                                                        \
      def,                                                                                         \
      min,                                                                                         \
      MAX_OF_##kind,                                                                               \
      help,                                                                                        \
      offsetof(struct conf, section.name) },

const struct conf_key conf_keys[] = {
#define CONF(section, field, kind, def, min, max, help)                                            \
    { #section "." #field,                                                                         \
      #section,                                                                                    \
      #field,                                                                                      \
      CONF_##kind,                                                                                 \
      def,                                                                                         \
      0,                                                                                           \
      min,                                                                                         \
      max,                                                                                         \
      help,                                                                                        \
      offsetof(struct conf, section##_##field) },
#include "sandbox/base/conf.def"
#undef CONF
#define LIMIT(name, kind, unit, min, run, compile, ceiling, help)                                  \
    LIMIT_KEY(limits, name, kind, run, min, help)
#include "sandbox/base/limits.def"
#undef LIMIT
#define LIMIT(name, kind, unit, min, run, compile, ceiling, help)                                  \
    LIMIT_KEY(compile_limits, name, kind, compile, min, help)
#include "sandbox/base/limits.def"
#undef LIMIT
#define LIMIT(name, kind, unit, min, run, compile, ceiling, help)                                  \
    LIMIT_KEY(ceilings, name, kind, ceiling, min, help)
#include "sandbox/base/limits.def"
#undef LIMIT
#define QUOTA(id, name, kind, min, max, def, help)                                                 \
    { "quotas." #name,                                                                             \
      "quotas",                                                                                    \
      #name,                                                                                       \
      CONF_##kind,                                                                                 \
      NULL,                                                                                        \
      def,                                                                                         \
      min,                                                                                         \
      max,                                                                                         \
      help,                                                                                        \
      offsetof(struct conf, quotas.name) },
#include "sandbox/base/quotas.def"
#undef QUOTA
};
const size_t conf_key_count = ARRAY_COUNT(conf_keys);

/* --- readers --------------------------------------------------------------------------------- */

static bool all_digits(const char *text)
{
    return *text != '\0' && text[strspn(text, "0123456789")] == '\0';
}

static int read_int(const struct conf_key *key, const char *text, void *field, struct err *e)
{
    return units_parse_int(text, key->min, key->max, field, e);
}

static int read_bytes(const struct conf_key *key, const char *text, void *field, struct err *e)
{
    char min[UNITS_TEXT_BYTES], max[UNITS_TEXT_BYTES];
    int64_t bytes;
    if (units_parse_bytes(text, &bytes, e) < 0)
        return -1;
    if (bytes < key->min || bytes > key->max)
        return err_input(e, "expected a size from %s to %s, got \"%.64s\"",
                         units_format_bytes(key->min, min), units_format_bytes(key->max, max),
                         text);
    *(int64_t *)field = bytes;
    return 0;
}

/* A duration with its unit, or a plain number of ms, as the key's name says. */
static int read_time(const struct conf_key *key, const char *text, void *field, struct err *e)
{
    int64_t ns, ms;
    if (all_digits(text)) {
        if (units_parse_int(text, 0, INT64_MAX, &ms, e) < 0)
            return -1;
    } else {
        if (units_parse_duration(text, &ns, e) < 0)
            return -1;
        if (ns % NS_PER_MS != 0)
            return err_input(e, "expected whole milliseconds, got \"%.64s\"", text);
        ms = ns / NS_PER_MS;
    }
    if (ms < key->min || ms > key->max)
        return err_input(e,
                         "expected a duration from %" PRId64 "ms to %" PRId64 "ms, got \"%.64s\"",
                         key->min, key->max, text);
    *(int64_t *)field = ms;
    return 0;
}

static int read_text(const struct conf_key *key, const char *text, void *field, struct err *e)
{
    (void)key;
    for (const char *p = text; *p != '\0'; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            return err_input(e, "expected one line without control characters");
    char *copy = xstrdup(text);
    free(*(char **)field);
    *(char **)field = copy;
    return 0;
}

static int read_bool(const struct conf_key *key, const char *text, void *field, struct err *e)
{
    (void)key;
    bool yes = strcmp(text, "true") == 0;
    if (!yes && strcmp(text, "false") != 0)
        return err_input(e, "expected true or false, got \"%.64s\"", text);
    *(bool *)field = yes;
    return 0;
}

/* --- printers: the shortest text that reads as the same value -------------------------------- */

static void print_int(const void *field, struct buf *b)
{
    buf_printf(b, "%" PRId64, *(const int64_t *)field);
}

static void print_bytes(const void *field, struct buf *b)
{
    static const char *const units[] = { "", "K", "M", "G", "T" };
    int64_t v = *(const int64_t *)field;
    size_t i = 0;
    for (; v != 0 && v % 1024 == 0 && i + 1 < ARRAY_COUNT(units); i++)
        v /= 1024;
    buf_printf(b, "%" PRId64 "%s", v, units[i]);
}

static void print_time(const void *field, struct buf *b)
{
    int64_t ms = *(const int64_t *)field;
    if (ms != 0 && ms % 3600000 == 0)
        buf_printf(b, "%" PRId64 "h", ms / 3600000);
    else if (ms % 1000 == 0)
        buf_printf(b, "%" PRId64 "s", ms / 1000);
    else
        buf_printf(b, "%" PRId64 "ms", ms);
}

static void print_text(const void *field, struct buf *b)
{
    const char *text = *(char *const *)field;
    buf_json_string(b, text, strlen(text));
}

static void print_bool(const void *field, struct buf *b)
{
    buf_puts(b, *(const bool *)field ? "true" : "false");
}

static const struct {
    const char *name;
    int (*read)(const struct conf_key *key, const char *text, void *field, struct err *e);
    void (*print)(const void *field, struct buf *b);
} kinds[] = {
    [CONF_INT] = { "a whole number", read_int, print_int },
    [CONF_BYTES] = { "a size", read_bytes, print_bytes },
    [CONF_TIME] = { "a duration", read_time, print_time },
    [CONF_TEXT] = { "text", read_text, print_text },
    [CONF_BOOL] = { "true or false", read_bool, print_bool },
};

int conf_key_read(const struct conf_key *key, struct conf *c, const char *text, struct err *e)
{
    return kinds[key->kind].read(key, text, (char *)c + key->offset, e);
}

void conf_key_default(const struct conf_key *key, struct conf *c)
{
    struct err e;
    if (key->def == NULL) {
        *(int64_t *)((char *)c + key->offset) = key->def_value;
        return;
    }
    int r = conf_key_read(key, c, key->def, &e);
    assert(r == 0);
    (void)r;
}

void conf_key_done(const struct conf_key *key, struct conf *c)
{
    if (key->kind == CONF_TEXT)
        free(*(char **)((char *)c + key->offset));
}

void conf_key_text(const struct conf_key *key, const struct conf *c, struct buf *b)
{
    kinds[key->kind].print((const char *)c + key->offset, b);
}

const char *conf_kind_name(enum conf_kind kind)
{
    return kinds[kind].name;
}
