/* slow.c - hanging up on whoever drips headers or takes answers by drops; minos-server, a thread of
 * its own. */
#include "server/slow.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

#include "sandbox/base/buf.h"
#include "sandbox/base/clock.h"

enum {
    LOOK_EVERY_MS = 500,
    /* Thousands may be late at once. Under the lock new ones wait, and each that is hung up on is
     * work for the threads that serve: so a few at a time. */
    HANG_UP_MOST = 100,
    HANG_UP_PAUSE_MS = 2,
};

struct slow_conn {
    int fd;                   /* libmicrohttpd's */
    int64_t deadline_mono_ns; /* for the headers or the answer; 0 while a request is served */
    int64_t asked_mono_ns;    /* since when it has no request; 0: it has one */
    bool hung_up;
    struct slow_conn *prev, *next;
};

struct slow {
    int64_t limit_ms, connections_max, count;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t stop;
    bool stopping;
    struct slow_conn *first;
};

static int64_t deadline(const struct slow *s)
{
    return clock_mono_ns() + s->limit_ms * NS_PER_MS;
}

static void open_one(struct slow *s, int fd, void **socket_context)
{
    struct slow_conn *c = xcalloc(1, sizeof *c);
    *c = (struct slow_conn){ .fd = fd,
                             .deadline_mono_ns = deadline(s),
                             .asked_mono_ns = clock_mono_ns() };
    pthread_mutex_lock(&s->lock);
    s->count++;
    c->next = s->first;
    if (c->next != NULL)
        c->next->prev = c;
    s->first = c;
    pthread_mutex_unlock(&s->lock);
    *socket_context = c;
}

/* Called before the descriptor is closed: under the lock it is still this connection's. */
static void close_one(struct slow *s, struct slow_conn *c)
{
    pthread_mutex_lock(&s->lock);
    s->count--;
    if (c->prev != NULL)
        c->prev->next = c->next;
    else
        s->first = c->next;
    if (c->next != NULL)
        c->next->prev = c->prev;
    pthread_mutex_unlock(&s->lock);
    free(c);
}

void slow_notify(void *slow, struct MHD_Connection *conn, void **socket_context,
                 enum MHD_ConnectionNotificationCode code)
{
    struct slow *s = slow;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        const union MHD_ConnectionInfo *info =
            MHD_get_connection_info(conn, MHD_CONNECTION_INFO_CONNECTION_FD);
        if (info != NULL)
            open_one(s, info->connect_fd, socket_context);
    } else if (*socket_context != NULL) {
        close_one(s, *socket_context);
        *socket_context = NULL;
    }
}

static void set_deadline(struct slow *s, struct MHD_Connection *conn, int64_t at, int64_t asked)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(conn, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    struct slow_conn *c = info != NULL ? info->socket_context : NULL;
    if (c == NULL)
        return;
    pthread_mutex_lock(&s->lock);
    c->deadline_mono_ns = at;
    c->asked_mono_ns = asked;
    pthread_mutex_unlock(&s->lock);
}

void slow_begin(struct slow *s, struct MHD_Connection *conn)
{
    set_deadline(s, conn, 0, 0);
}

void slow_reply(struct slow *s, struct MHD_Connection *conn, int64_t limit_ms)
{
    set_deadline(s, conn, limit_ms > 0 ? clock_mono_ns() + limit_ms * NS_PER_MS : 0, 0);
}

void slow_end(struct slow *s, struct MHD_Connection *conn)
{
    set_deadline(s, conn, deadline(s), clock_mono_ns());
}

int64_t slow_count(struct slow *s)
{
    pthread_mutex_lock(&s->lock);
    int64_t count = s->count;
    pthread_mutex_unlock(&s->lock);
    return count;
}

/* Under the lock. The connection sees its end of input and closes itself. True: there are more. */
static bool hang_up(struct slow *s)
{
    int64_t now = clock_mono_ns();
    int count = 0;
    bool scarce = s->count * 4 > s->connections_max * 3;
    int64_t spare_ns = s->limit_ms / 10 * NS_PER_MS;
    for (struct slow_conn *c = s->first; c != NULL; c = c->next) {
        bool late = c->deadline_mono_ns != 0 && c->deadline_mono_ns < now;
        bool idle = scarce && c->asked_mono_ns != 0 && c->asked_mono_ns + spare_ns < now;
        if (c->hung_up || (!late && !idle))
            continue;
        if (count++ == HANG_UP_MOST)
            return true;
        c->hung_up = true;
        (void)shutdown(c->fd, SHUT_RDWR);
    }
    return false;
}

static void *run(void *arg)
{
    struct slow *s = arg;
    int64_t pause_ms = LOOK_EVERY_MS;
    pthread_mutex_lock(&s->lock);
    while (!s->stopping) {
        int64_t until_mono_ns = clock_mono_ns() + pause_ms * NS_PER_MS;
        const struct timespec until = { until_mono_ns / NS_PER_S, until_mono_ns % NS_PER_S };
        (void)pthread_cond_timedwait(&s->stop, &s->lock, &until);
        pause_ms = hang_up(s) ? HANG_UP_PAUSE_MS : LOOK_EVERY_MS;
    }
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

int slow_new(int64_t limit_ms, int64_t connections_max, struct slow **ret, struct err *e)
{
    struct slow *s = xcalloc(1, sizeof *s);
    s->limit_ms = limit_ms;
    s->connections_max = connections_max;
    pthread_mutex_init(&s->lock, NULL);
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&s->stop, &attr);
    pthread_condattr_destroy(&attr);
    int rc = pthread_create(&s->thread, NULL, run, s);
    if (rc != 0) {
        free(s);
        return err_set(e, ERR_SYS, rc, "start a thread");
    }
    *ret = s;
    return 0;
}

void slow_free(struct slow *s)
{
    if (s == NULL)
        return;
    pthread_mutex_lock(&s->lock);
    s->stopping = true;
    pthread_cond_signal(&s->stop);
    pthread_mutex_unlock(&s->lock);
    pthread_join(s->thread, NULL);
    pthread_cond_destroy(&s->stop);
    pthread_mutex_destroy(&s->lock);
    free(s);
}
