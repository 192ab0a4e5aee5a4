/* readers.c - a pool of read-only store connections; minos-server. */
#include "server/readers.h"

#include <pthread.h>
#include <stdlib.h>

struct readers {
    char *data_dir;
    struct store_options opt; /* without quotas: those below */
    pthread_mutex_t lock;
    struct quotas quotas;
    pthread_cond_t returned;
    struct store **idle;
    size_t idle_count, open_count, max_count;
};

struct readers *readers_new(const struct store_options *opt, size_t count)
{
    struct readers *r = xcalloc(1, sizeof *r);
    r->data_dir = xstrdup(opt->data_dir);
    r->quotas = *opt->quotas;
    r->opt = *opt;
    r->opt.data_dir = r->data_dir;
    r->opt.quotas = NULL;
    r->opt.read_only = true;
    r->max_count = count;
    r->idle = xcalloc(count, sizeof(struct store *));
    pthread_mutex_init(&r->lock, NULL);
    pthread_cond_init(&r->returned, NULL);
    return r;
}

void readers_free(struct readers *r)
{
    if (r == NULL)
        return;
    for (size_t i = 0; i < r->idle_count; i++)
        store_close(r->idle[i]);
    pthread_mutex_destroy(&r->lock);
    pthread_cond_destroy(&r->returned);
    free(r->idle);
    free(r->data_dir);
    free(r);
}

void readers_set_quotas(struct readers *r, const struct quotas *q)
{
    pthread_mutex_lock(&r->lock);
    r->quotas = *q;
    pthread_mutex_unlock(&r->lock);
}

/* An idle connection, or the right to open one (NULL). */
static struct store *take_slot(struct readers *r, struct quotas *ret_quotas)
{
    struct store *s = NULL;
    pthread_mutex_lock(&r->lock);
    while (r->idle_count == 0 && r->open_count == r->max_count)
        pthread_cond_wait(&r->returned, &r->lock);
    if (r->idle_count > 0)
        s = r->idle[--r->idle_count];
    else
        r->open_count++;
    *ret_quotas = r->quotas;
    pthread_mutex_unlock(&r->lock);
    return s;
}

int readers_take(struct readers *r, struct store **ret, struct err *e)
{
    struct quotas quotas;
    struct store *s = take_slot(r, &quotas);
    if (s == NULL && store_open(&r->opt, &s, e) != 0) {
        pthread_mutex_lock(&r->lock);
        r->open_count--;
        pthread_cond_signal(&r->returned);
        pthread_mutex_unlock(&r->lock);
        return err_wrap(e, "open a reader");
    }
    store_set_quotas(s, &quotas);
    *ret = s;
    return 0;
}

void readers_give(struct readers *r, struct store *s)
{
    if (s == NULL)
        return;
    pthread_mutex_lock(&r->lock);
    r->idle[r->idle_count++] = s;
    pthread_cond_signal(&r->returned);
    pthread_mutex_unlock(&r->lock);
}
