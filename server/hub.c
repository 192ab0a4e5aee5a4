/*
 * hub.c - waking those who wait; minos-server, a thread of its own.
 *
 * 1. A node is in the hub's hands from hub_add until its tell returns false; nobody else frees it.
 * 2. While a node is being told it is on no list, so tell may free it and the lock is not held:
 *    slow store reads never hold up hub_add.
 * 3. hub_add after hub_stop began is answered at once: by the hub's thread while it lives, else by
 *    the caller's. The thread ends (`ended`) only when stopping and without nodes, under the lock.
 */
#include "server/hub.h"

#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

#include "sandbox/base/cleanup.h"
#include "sandbox/base/clock.h"
#include "schema/wake.h"

enum {
    BUCKETS = 1024,
    SEEN = 4096,       /* finished ids remembered, so that none is counted twice */
    SCAN_EVERY_MS = 5, /* at most this often all nodes are looked at for their time */
    IDLE_MS = 1000,
};

struct hub {
    struct hub_options opt;
    struct store *store;
    struct wake *wake;
    int kick_fd;
    pthread_t thread;
    pthread_mutex_t lock;
    struct hub_node *buckets[BUCKETS];
    size_t node_count;
    int64_t next_due_mono_ns;
    bool stopping, ended; /* ended: the thread calls no more */
    char seen[SEEN][STORE_ID_BYTES];
};

static unsigned hash(const char *id)
{
    unsigned h = 2166136261U;
    for (; *id != '\0'; id++)
        h = (h ^ (unsigned char)*id) * 16777619U;
    return h;
}

static void link_node(struct hub *h, struct hub_node *n)
{
    struct hub_node **head = &h->buckets[hash(n->id) % BUCKETS];
    n->prev = NULL;
    n->next = *head;
    if (n->next != NULL)
        n->next->prev = n;
    *head = n;
    h->node_count++;
    if (n->due_mono_ns < h->next_due_mono_ns)
        h->next_due_mono_ns = n->due_mono_ns;
}

static void unlink_node(struct hub *h, struct hub_node *n)
{
    if (n->prev != NULL)
        n->prev->next = n->next;
    else
        h->buckets[hash(n->id) % BUCKETS] = n->next;
    if (n->next != NULL)
        n->next->prev = n->prev;
    h->node_count--;
}

static void kick(struct hub *h)
{
    uint64_t one = 1;
    (void)!write(h->kick_fd, &one, sizeof one);
}

void hub_add(struct hub *h, struct hub_node *n)
{
    pthread_mutex_lock(&h->lock);
    bool ended = h->ended, sooner = n->due_mono_ns < h->next_due_mono_ns;
    if (!ended)
        link_node(h, n);
    pthread_mutex_unlock(&h->lock);
    if (ended)
        (void)n->tell(n, &(struct hub_view){ .stopping = true });
    else if (sooner)
        kick(h);
}

bool hub_is_final(enum submission_state s)
{
    return s == SUBMISSION_DONE || s == SUBMISSION_CANCELLED;
}

static struct hub_times times_of(const struct submission_times *s)
{
    const struct phases *p = &s->phases;
    struct hub_times t = { -1, -1, -1, -1, -1, -1 };
    if (s->started_unix_ms != 0 && s->finished_unix_ms != 0) {
        t.queue_ns = (s->started_unix_ms - s->created_unix_ms) * NS_PER_MS;
        t.total_ns = (s->finished_unix_ms - s->created_unix_ms) * NS_PER_MS;
    }
    if (p->present) {
        t.prepare_ns = p->prepare_ns;
        t.compile_ns = s->compiled ? p->compile_ns : -1;
        t.run_ns = p->run_ns;
        t.collect_ns = p->collect_ns;
    }
    return t;
}

/* Count a finished submission's times, once. */
static void note_finished(struct hub *h, const char *id)
{
    char *slot = h->seen[hash(id) % SEEN];
    if (strcmp(slot, id) == 0)
        return;
    memcpy(slot, id, STORE_ID_BYTES);
    struct submission_times times = { 0 };
    bool found = false;
    struct err e;
    if (report_times(h->store, id, &times, &found, &e) != 0 || !found)
        return;
    struct hub_times t = times_of(&times);
    h->opt.finished(h->opt.ctx, &t);
}

static void look(struct hub *h, const char *id, struct hub_view *v)
{
    struct submission_status status = { 0 };
    struct err e;
    v->found = false;
    v->store = h->store;
    if (submission_status(h->store, id, &status, &v->found, &e) != 0)
        log_error(h->opt.log, "look_failed", &e);
    v->state = status.state;
}

/* Tell the nodes of a list (linked by next, on no other list). */
static void tell_all(struct hub *h, struct hub_node *list, const struct hub_view *known)
{
    struct hub_view v = *known;
    char looked[STORE_ID_BYTES] = "";
    while (list != NULL) {
        struct hub_node *n = list;
        list = n->next;
        if (!known->changed && strcmp(looked, n->id) != 0) {
            look(h, n->id, &v);
            memcpy(looked, n->id, sizeof looked);
        }
        v.now_mono_ns = clock_mono_ns();
        if (!n->tell(n, &v))
            continue;
        pthread_mutex_lock(&h->lock);
        link_node(h, n);
        pthread_mutex_unlock(&h->lock);
    }
}

static struct hub_node *take_by_id(struct hub *h, const char *id)
{
    struct hub_node *taken = NULL;
    pthread_mutex_lock(&h->lock);
    for (struct hub_node *n = h->buckets[hash(id) % BUCKETS], *next; n != NULL; n = next) {
        next = n->next;
        if (strcmp(n->id, id) != 0)
            continue;
        unlink_node(h, n);
        n->next = taken;
        taken = n;
    }
    pthread_mutex_unlock(&h->lock);
    return taken;
}

/* All that are due by now, or all when stopping; and when the next one will be. */
static struct hub_node *take_due(struct hub *h, int64_t now)
{
    struct hub_node *taken = NULL;
    pthread_mutex_lock(&h->lock);
    if (h->next_due_mono_ns > now && !h->stopping) {
        pthread_mutex_unlock(&h->lock);
        return NULL;
    }
    h->next_due_mono_ns = INT64_MAX;
    for (size_t i = 0; h->node_count > 0 && i < BUCKETS; i++) {
        for (struct hub_node *n = h->buckets[i], *next; n != NULL; n = next) {
            next = n->next;
            if (n->due_mono_ns > now && !h->stopping) {
                if (n->due_mono_ns < h->next_due_mono_ns)
                    h->next_due_mono_ns = n->due_mono_ns;
                continue;
            }
            unlink_node(h, n);
            n->next = taken;
            taken = n;
        }
    }
    pthread_mutex_unlock(&h->lock);
    return taken;
}

static void drain_wakes(struct hub *h)
{
    struct wake_event ev = { 0 };
    bool found = true;
    struct err e;
    while (found) {
        if (wake_next(h->wake, &ev, &found, &e) != 0) {
            log_error(h->opt.log, "wake_failed", &e);
            return;
        }
        if (!found || !store_id_valid(ev.id))
            continue;
        struct hub_view v = { .changed = true };
        look(h, ev.id, &v);
        struct hub_node *list = take_by_id(h, ev.id);
        if (list != NULL)
            tell_all(h, list, &v);
        if (v.found && hub_is_final(v.state))
            note_finished(h, ev.id);
    }
}

static int timeout_ms(struct hub *h)
{
    pthread_mutex_lock(&h->lock);
    int64_t due = h->next_due_mono_ns;
    pthread_mutex_unlock(&h->lock);
    int64_t left = due == INT64_MAX ? IDLE_MS : (due - clock_mono_ns()) / NS_PER_MS + 1;
    return left < SCAN_EVERY_MS ? SCAN_EVERY_MS : left > IDLE_MS ? IDLE_MS : (int)left;
}

static bool finished(struct hub *h, bool *ret_stopping)
{
    pthread_mutex_lock(&h->lock);
    *ret_stopping = h->stopping;
    bool end = h->stopping && h->node_count == 0;
    h->ended = end;
    pthread_mutex_unlock(&h->lock);
    return end;
}

static void *run(void *arg)
{
    struct hub *h = arg;
    bool stopping = false;
    while (!finished(h, &stopping)) {
        struct pollfd p[] = { { .fd = wake_fd(h->wake), .events = POLLIN },
                              { .fd = h->kick_fd, .events = POLLIN } };
        (void)poll(p, ARRAY_COUNT(p), stopping ? 0 : timeout_ms(h));
        uint64_t drop = 0;
        if (p[1].revents != 0)
            (void)!read(h->kick_fd, &drop, sizeof drop);
        if (p[0].revents != 0)
            drain_wakes(h);
        struct hub_node *due = take_due(h, clock_mono_ns());
        (void)finished(h, &stopping);
        if (due != NULL)
            tell_all(h, due, &(struct hub_view){ .stopping = stopping });
    }
    return NULL;
}

int hub_new(const struct hub_options *opt, struct hub **ret, struct err *e)
{
    struct hub *h = xcalloc(1, sizeof *h);
    *h = (struct hub){ .opt = *opt, .kick_fd = -1, .next_due_mono_ns = INT64_MAX };
    pthread_mutex_init(&h->lock, NULL);
    const struct store_options so = { .data_dir = opt->data_dir, .read_only = true };
    int rc = store_open(&so, &h->store, e);
    if (rc == 0)
        rc = wake_open(opt->data_dir, WAKE_PROGRESS, &h->wake, e);
    if (rc == 0 && (h->kick_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) < 0)
        rc = err_sys(e, "eventfd");
    if (rc == 0 && (rc = pthread_create(&h->thread, NULL, run, h)) != 0)
        rc = err_set(e, ERR_SYS, rc, "start the hub thread");
    if (rc != 0) {
        h->stopping = true;
        hub_free(h);
        return -1;
    }
    *ret = h;
    return 0;
}

void hub_release(struct hub *h)
{
    pthread_mutex_lock(&h->lock);
    h->stopping = true;
    pthread_mutex_unlock(&h->lock);
    kick(h);
}

void hub_stop(struct hub *h)
{
    hub_release(h);
    pthread_join(h->thread, NULL);
}

void hub_free(struct hub *h)
{
    if (h == NULL)
        return;
    close_fd(&h->kick_fd);
    wake_close(h->wake);
    store_close(h->store);
    pthread_mutex_destroy(&h->lock);
    free(h);
}
