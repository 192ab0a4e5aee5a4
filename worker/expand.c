/* expand.c - replaces ${name} in the commands of language files; supervisor (checks) and slots. */
#include "worker/expand.h"

#include <stdbool.h>
#include <string.h>

#include "sandbox/base/buf.h"
#include "sandbox/base/cleanup.h"

enum placeholder {
#define EXPAND(name, help) PLACE_##name,
#include "worker/expand.def"
#undef EXPAND
    PLACE_COUNT
};

static const char *const names[] = {
#define EXPAND(name, help) #name,
#include "worker/expand.def"
#undef EXPAND
};

enum { STACK_KIB_MAX = 1048575 };

static enum placeholder find(const char *name, size_t len)
{
    for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
        if (strlen(names[i]) == len && memcmp(names[i], name, len) == 0)
            return (enum placeholder)i;
    }
    return PLACE_COUNT;
}

int expand_check(const char *text, struct err *e)
{
    for (const char *p = text; (p = strstr(p, "${")) != NULL;) {
        const char *end = strchr(p, '}');
        if (end == NULL)
            return err_input(e, "placeholder without '}': \"%s\"", p);
        enum placeholder found = find(p + 2, (size_t)(end - p) - 2);
        if (found == PLACE_COUNT)
            return err_input(e,
                             "unknown placeholder %.*s (known: source, sources, prepared, "
                             "entry_point, memory_mib, stack_kib, cpus)",
                             (int)(end - p) + 1, p);
        if (found == PLACE_sources && strcmp(text, "${sources}") != 0)
            return err_input(e, "${sources} must be an argument of its own");
        if (found == PLACE_prepared && strcmp(text, "${prepared}") != 0)
            return err_input(e, "${prepared} must be an argument of its own");
        p = end + 1;
    }
    return 0;
}

static void put_file(struct buf *b, const char *name)
{
    if (name[0] == '-')
        buf_puts(b, "./");
    buf_puts(b, name);
}

static void put_value(struct buf *b, enum placeholder which, const struct expand_vars *v)
{
    int64_t stack_kib = v->stack_bytes / 1024;
    switch (which) {
    case PLACE_source:
        put_file(b, v->source);
        break;
    case PLACE_entry_point:
        put_file(b, v->entry_point);
        break;
    case PLACE_memory_mib:
        buf_printf(b, "%lld", (long long)(v->memory_bytes >> 20));
        break;
    case PLACE_stack_kib:
        buf_printf(b, "%lld", (long long)(stack_kib < STACK_KIB_MAX ? stack_kib : STACK_KIB_MAX));
        break;
    case PLACE_cpus:
        buf_printf(b, "%lld", (long long)v->cpus);
        break;
    case PLACE_sources: /* these stand alone: expand_list has dealt with them */
    case PLACE_prepared:
    case PLACE_COUNT:
        break;
    }
}

static char *expand_one(const char *text, const struct expand_vars *v)
{
    struct buf b;
    buf_init(&b, 0);
    const char *p = text;
    for (const char *start; (start = strstr(p, "${")) != NULL;) {
        const char *end = strchr(start, '}');
        if (end == NULL)
            break;
        buf_printf(&b, "%.*s", (int)(start - p), p);
        put_value(&b, find(start + 2, (size_t)(end - start) - 2), v);
        p = end + 1;
    }
    buf_puts(&b, p);
    return buf_take(&b);
}

static void add_sources(const struct text_list *sources, struct text_list *out)
{
    for (size_t i = 0; i < sources->count; i++) {
        const char *name = sources->items[i];
        text_list_take(out, xasprintf("%s%s", name[0] == '-' ? "./" : "", name));
    }
}

static void add_all(const struct text_list *list, struct text_list *out)
{
    for (size_t i = 0; list != NULL && i < list->count; i++)
        text_list_add(out, list->items[i]);
}

void expand_list(const struct text_list *in, const struct expand_vars *vars, struct text_list *out)
{
    for (size_t i = 0; i < in->count; i++) {
        if (strcmp(in->items[i], "${sources}") == 0)
            add_sources(vars->sources, out);
        else if (strcmp(in->items[i], "${prepared}") == 0)
            add_all(vars->prepared, out);
        else
            text_list_take(out, expand_one(in->items[i], vars));
    }
}
