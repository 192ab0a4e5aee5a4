/* text_list.c - lists of strings for commands, environments and patterns; supervisor and slots. */
#include "worker/text_list.h"

#include <fnmatch.h>
#include <stdlib.h>

#include "sandbox/base/buf.h"

void text_list_take(struct text_list *l, char *text)
{
    l->items = xrealloc(l->items, (l->count + 2) * sizeof(*l->items));
    l->items[l->count++] = text;
    l->items[l->count] = NULL;
}

void text_list_add(struct text_list *l, const char *text)
{
    text_list_take(l, xstrdup(text));
}

void text_list_done(struct text_list *l)
{
    for (size_t i = 0; i < l->count; i++)
        free(l->items[i]);
    free(l->items);
    *l = (struct text_list){ 0 };
}

const char *const *text_list_argv(const struct text_list *l)
{
    static const char *const empty[] = { NULL };
    return l->items != NULL ? (const char *const *)l->items : empty;
}

bool text_list_glob(const struct text_list *patterns, const char *text)
{
    for (size_t i = 0; i < patterns->count; i++) {
        if (fnmatch(patterns->items[i], text, 0) == 0)
            return true;
    }
    return false;
}
