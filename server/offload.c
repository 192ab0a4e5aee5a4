/* offload.c - a queue and its threads; minos-server. */
#include "server/offload.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "sandbox/base/buf.h"

struct offload {
    pthread_mutex_t lock;
    pthread_cond_t pushed;
    struct offload_task *first, **last;
    bool stopping;
    size_t thread_count;
    pthread_t threads[];
};

static void *run(void *arg)
{
    struct offload *o = arg;
    for (;;) {
        pthread_mutex_lock(&o->lock);
        while (o->first == NULL && !o->stopping)
            pthread_cond_wait(&o->pushed, &o->lock);
        struct offload_task *t = o->first;
        if (t != NULL)
            o->first = t->next;
        if (o->first == NULL)
            o->last = &o->first;
        pthread_mutex_unlock(&o->lock);
        if (t == NULL)
            return NULL;
        t->run(t);
    }
}

int offload_new(size_t threads, struct offload **ret, struct err *e)
{
    struct offload *o = xcalloc(1, sizeof *o + threads * sizeof(pthread_t));
    o->last = &o->first;
    pthread_mutex_init(&o->lock, NULL);
    pthread_cond_init(&o->pushed, NULL);
    for (size_t i = 0; i < threads; i++) {
        int rc = pthread_create(&o->threads[i], NULL, run, o);
        if (rc != 0) {
            offload_stop(o);
            offload_free(o);
            return err_set(e, ERR_SYS, rc, "start a thread");
        }
        o->thread_count++;
    }
    *ret = o;
    return 0;
}

void offload_stop(struct offload *o)
{
    pthread_mutex_lock(&o->lock);
    o->stopping = true;
    pthread_cond_broadcast(&o->pushed);
    pthread_mutex_unlock(&o->lock);
    for (size_t i = 0; i < o->thread_count; i++)
        pthread_join(o->threads[i], NULL);
}

void offload_free(struct offload *o)
{
    if (o == NULL)
        return;
    pthread_cond_destroy(&o->pushed);
    pthread_mutex_destroy(&o->lock);
    free(o);
}

void offload_push(struct offload *o, struct offload_task *t)
{
    t->next = NULL;
    pthread_mutex_lock(&o->lock);
    bool stopping = o->stopping;
    if (!stopping) {
        *o->last = t;
        o->last = &t->next;
        pthread_cond_signal(&o->pushed);
    }
    pthread_mutex_unlock(&o->lock);
    if (stopping)
        t->run(t);
}
