/* text_list.h - a growing list of strings that is always a valid argv: NULL-terminated. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct text_list {
    char **items; /* count strings and a NULL; NULL itself while the list is empty */
    size_t count;
};

#define auto_list_ __attribute__((cleanup(text_list_done)))

/* Append a copy of `text`. */
void text_list_add(struct text_list *l, const char *text);

/* Append `text` itself and take it: it must come from malloc. */
void text_list_take(struct text_list *l, char *text);

void text_list_done(struct text_list *l);

/* As an argv or envp; never NULL. Owned by the list, valid until it changes. */
const char *const *text_list_argv(const struct text_list *l);

/* Whether `text` matches one of the shell patterns of the list (glob(7); '*' also matches '/'). */
bool text_list_glob(const struct text_list *patterns, const char *text);
