/* catalog.c - the language list, re-read when it is old; minos-server. */
#include "server/catalog.h"

#include <pthread.h>
#include <stdlib.h>

#include "sandbox/base/clock.h"

enum { FRESH_MS = 2000 };

struct catalog {
    struct readers *readers;
    pthread_mutex_t lock;
    struct catalog_view *view; /* the catalog is one of its users */
    int64_t until_mono_ns;
};

struct catalog *catalog_new(struct readers *readers)
{
    struct catalog *c = xcalloc(1, sizeof *c);
    c->readers = readers;
    pthread_mutex_init(&c->lock, NULL);
    return c;
}

void catalog_release(struct catalog_view *v)
{
    if (v == NULL || atomic_fetch_sub(&v->users, 1) > 1)
        return;
    languages_free(v->languages, v->count);
    free(v);
}

void catalog_free(struct catalog *c)
{
    if (c == NULL)
        return;
    catalog_release(c->view);
    pthread_mutex_destroy(&c->lock);
    free(c);
}

static struct catalog_view *share(struct catalog_view *v)
{
    atomic_fetch_add(&v->users, 1);
    return v;
}

static int reread(struct catalog *c, struct err *e)
{
    auto_reader_ struct reader_loan loan = { c->readers, NULL };
    struct language_record *rows = NULL;
    size_t count = 0;
    if (readers_take(c->readers, &loan.store, e) != 0 ||
        languages_load(loan.store, &rows, &count, e) != 0)
        return -1;
    struct catalog_view *v = xcalloc(1, sizeof *v);
    v->languages = rows;
    v->count = count;
    atomic_init(&v->users, 1);
    catalog_release(c->view);
    c->view = v;
    /* an empty list is about to be filled by a worker that is starting: look again at once */
    c->until_mono_ns = count > 0 ? clock_mono_ns() + FRESH_MS * NS_PER_MS : 0;
    return 0;
}

int catalog_get(struct catalog *c, struct catalog_view **ret, struct err *e)
{
    pthread_mutex_lock(&c->lock);
    int rc = c->view == NULL || clock_mono_ns() >= c->until_mono_ns ? reread(c, e) : 0;
    if (rc == 0)
        *ret = share(c->view);
    pthread_mutex_unlock(&c->lock);
    return rc;
}
