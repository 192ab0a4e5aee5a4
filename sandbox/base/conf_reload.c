/* conf_reload.c - a new configuration for a program that runs; every daemon. */
#include "sandbox/base/conf_reload.h"

#include <stdlib.h>
#include <string.h>

#include "sandbox/base/cleanup.h"
#include "sandbox/base/conf_keys.h"
#include "sandbox/base/ready.h"

static const struct {
    const char *section;
    size_t offset; /* of one field; SIZE_MAX: the whole section */
} hot[] = {
#define HOT(section, field) { #section, offsetof(struct conf, section##_##field) },
#define HOT_SECTION(section) { #section, SIZE_MAX },
#include "sandbox/base/conf_hot.def"
#undef HOT
#undef HOT_SECTION
};

static bool is_hot(const struct conf_key *key)
{
    for (size_t i = 0; i < ARRAY_COUNT(hot); i++)
        if (hot[i].offset == key->offset ||
            (hot[i].offset == SIZE_MAX && strcmp(hot[i].section, key->section) == 0))
            return true;
    return false;
}

void conf_change_done(struct conf_change *c)
{
    buf_done(&c->changed);
    buf_done(&c->waiting);
}

static void *field_of(const struct conf_key *key, struct conf *c)
{
    return (char *)c + key->offset;
}

static bool same(const struct conf_key *key, const struct conf *a, const struct conf *b)
{
    auto_buf_ struct buf x = { 0 }, y = { 0 };
    conf_key_text(key, a, &x);
    conf_key_text(key, b, &y);
    return strcmp(buf_text(&x), buf_text(&y)) == 0;
}

static void keep(const struct conf_key *key, const struct conf *old, struct conf *c)
{
    const void *from = (const char *)old + key->offset;
    switch (key->kind) {
    case CONF_TEXT:
        free(*(char **)field_of(key, c));
        *(char **)field_of(key, c) = xstrdup(*(char *const *)from);
        break;
    case CONF_BOOL:
        *(bool *)field_of(key, c) = *(const bool *)from;
        break;
    case CONF_INT:
    case CONF_BYTES:
    case CONF_TIME:
        *(int64_t *)field_of(key, c) = *(const int64_t *)from;
        break;
    }
}

static void merge(const struct conf *old, struct conf *c, struct conf_change *change)
{
    for (size_t i = 0; i < conf_key_count; i++) {
        const struct conf_key *key = &conf_keys[i];
        if (same(key, old, c))
            continue;
        struct buf *list = is_hot(key) ? &change->changed : &change->waiting;
        buf_printf(list, "%s%s", list->len > 0 ? " " : "", key->name);
        if (!is_hot(key))
            keep(key, old, c);
    }
}

int conf_reload(const struct conf *old, const char *path, const struct opt_list *pairs,
                struct conf *ret, struct conf_change *change, struct err *e)
{
    struct conf c;
    *change = (struct conf_change){ 0 };
    conf_init(&c);
    int rc = conf_load_args(&c, path, pairs, e);
    if (rc == 0) {
        merge(old, &c, change);
        rc = conf_check(&c, e) < 0 ? err_wrap(e, "with the keys that wait for a restart") : 0;
    }
    if (rc != 0) {
        conf_done(&c);
        return -1;
    }
    *ret = c;
    return 0;
}

void conf_reload_say(const struct log *log, int ready_fd, const struct conf_change *change,
                     const char *detail)
{
    auto_free_ char *text =
        xasprintf("%s\t%s\t%s", buf_text(&change->changed), buf_text(&change->waiting), detail);
    log_event(log, LOG_INFO, "reloaded", "changed=\"%s\"", buf_text(&change->changed));
    if (change->waiting.len > 0)
        log_event(log, LOG_WARN, "reload_needs_restart", "keys=\"%s\"", buf_text(&change->waiting));
    ready_report(ready_fd, "reloaded", text);
}

void conf_reload_refuse(const struct log *log, int ready_fd, const struct err *why)
{
    log_error(log, "reload_refused", why);
    ready_report(ready_fd, "refused", why->msg);
}
