/* catalog.h - the languages as the worker last reported them, shared by many requests at once. */
#pragma once

#include <stdatomic.h>
#include <stddef.h>

#include "server/readers.h"

/* One reading of them; given back with catalog_release. */
struct catalog_view {
    struct language_record *languages;
    size_t count;
    atomic_int users;
};

struct catalog;

struct catalog *catalog_new(struct readers *readers);
void catalog_free(struct catalog *c);

/* The languages, at most two seconds old. */
must_check_ int catalog_get(struct catalog *c, struct catalog_view **ret, struct err *e);
void catalog_release(struct catalog_view *v); /* accepts NULL */

static inline void catalog_release_at(struct catalog_view **v)
{
    catalog_release(*v);
}

#define auto_catalog_ __attribute__((cleanup(catalog_release_at)))
