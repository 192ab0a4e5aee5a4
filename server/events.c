/*
 * events.c - GET /v1/submissions/{id}/events as server-sent events; minos-server.
 *
 * A stream has two holders: the hub, whose thread turns the store's state into events, and the
 * HTTP response that sends them. What was sent is summed up in `progress`, which is also the event
 * id: attempt.state.compile.tests. Whoever comes late, or again with Last-Event-ID, is sent what
 * its progress lacks; so nothing is queued for slow readers, and a lost wake loses no event.
 *
 * Lock order: a stream's lock is taken last. `conn` may be touched only with the lock held while
 * `suspended`, since a suspended connection cannot end.
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sandbox/base/clock.h"
#include "server/accept.h"
#include "server/encode.h"
#include "server/handlers.h"

enum {
    KEEP_ALIVE_MS = 15000,
    LOOK_MS = 1000,          /* without wakes */
    FULL_MS = 100,           /* while the reader is slow */
    REST_MS = 10,            /* between two loads for one stream, at least */
    REST_TIMES_LOAD = 5,     /* and this many times what the last one took */
    PENDING_MAX = 256 << 10, /* bytes not sent yet, above which no more are made */
    BLOCK_BYTES = 16384,
};

struct progress {
    int64_t attempt, tests;
    int state; /* enum submission_state, 0: nothing was sent */
    int compile;
};

struct stream {
    struct hub_node node; /* first */
    struct server *srv;
    struct MHD_Connection *conn;
    pthread_mutex_t lock;
    int holders;
    struct buf pending;
    size_t pending_at;
    bool suspended, ended, gone; /* ended: nothing follows `pending`; gone: nobody reads */
    /* the hub's thread alone: */
    struct progress sent;
    int64_t keep_alive_mono_ns, rest_until_mono_ns;
    bool stale;
};

static void stream_drop(struct stream *s)
{
    pthread_mutex_lock(&s->lock);
    int left = --s->holders;
    pthread_mutex_unlock(&s->lock);
    if (left > 0)
        return;
    atomic_fetch_sub(&s->srv->stream_count, 1);
    buf_done(&s->pending);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

/* Hand text to the reader; `end`: the last of it. */
static void stream_send(struct stream *s, const struct buf *text, bool end)
{
    pthread_mutex_lock(&s->lock);
    buf_puts(&s->pending, buf_text(text));
    s->ended = s->ended || end;
    bool wake = s->suspended && (end || text->len > 0);
    if (wake) {
        s->suspended = false;
        MHD_resume_connection(s->conn);
    }
    pthread_mutex_unlock(&s->lock);
}

static ssize_t stream_read(void *cls, uint64_t pos, char *out, size_t max)
{
    struct stream *s = cls;
    (void)pos;
    pthread_mutex_lock(&s->lock);
    size_t left = s->pending.len - s->pending_at;
    ssize_t n = (ssize_t)(left < max ? left : max);
    if (n > 0) {
        memcpy(out, s->pending.data + s->pending_at, (size_t)n);
        s->pending_at += (size_t)n;
        if (s->pending_at == s->pending.len)
            s->pending.len = s->pending_at = 0;
    } else if (s->ended) {
        n = MHD_CONTENT_READER_END_OF_STREAM;
    } else {
        s->suspended = true;
        MHD_suspend_connection(s->conn);
    }
    pthread_mutex_unlock(&s->lock);
    return n;
}

static void stream_unread(void *cls)
{
    struct stream *s = cls;
    pthread_mutex_lock(&s->lock);
    s->gone = true;
    pthread_mutex_unlock(&s->lock);
    stream_drop(s);
}

/* One event: begin, members, end. */
static void event_begin(struct stream *s, struct buf *b, struct jsonw *w, const char *name)
{
    buf_printf(b, "id: %" PRId64 ".%d.%d.%" PRId64 "\nevent: %s\ndata: ", s->sent.attempt,
               s->sent.state, s->sent.compile, s->sent.tests, name);
    jsonw_init(w, b, NULL);
    jsonw_object(w, NULL);
}

static void event_end(struct buf *b, struct jsonw *w)
{
    jsonw_end_object(w);
    buf_puts(b, "\n\n");
}

static void send_state(struct stream *s, struct buf *b, const struct submission *sub,
                       enum submission_state state)
{
    struct jsonw w;
    s->sent.state = (int)state;
    event_begin(s, b, &w, "state");
    jsonw_text(&w, "id", sub->id);
    jsonw_text(&w, "status", submission_state_name(state));
    jsonw_int(&w, "attempt", s->sent.attempt);
    jsonw_int(&w, "test_count", (int64_t)sub->test_count);
    jsonw_instant(&w, "created_at", sub->created_unix_ms);
    jsonw_instant(&w, "started_at", state == SUBMISSION_QUEUED ? 0 : sub->started_unix_ms);
    event_end(b, &w);
}

static void send_compile(struct stream *s, struct buf *b, const struct compile_result *c)
{
    struct jsonw w;
    s->sent.compile = 1;
    event_begin(s, b, &w, "compile");
    encode_compile_brief(&w, c);
    event_end(b, &w);
}

static void send_test(struct stream *s, struct buf *b, const struct submission *sub,
                      const struct test_result *t)
{
    struct jsonw w;
    s->sent.tests = t->index + 1;
    event_begin(s, b, &w, "test");
    const struct test_spec *spec =
        (size_t)t->index < sub->test_count ? &sub->tests[t->index] : NULL;
    encode_test_brief(&w, spec, t);
    jsonw_int(&w, "test_count", (int64_t)sub->test_count);
    event_end(b, &w);
}

static void send_done(struct stream *s, struct buf *b, const struct submission_report *r)
{
    struct jsonw w;
    s->sent.state = (int)r->sub.state;
    event_begin(s, b, &w, "done");
    jsonw_text(&w, "id", r->sub.id);
    jsonw_text(&w, "status", submission_state_name(r->sub.state));
    jsonw_text(&w, "verdict", verdict_name(r->sub.verdict));
    jsonw_text(&w, "message", r->message);
    jsonw_instant(&w, "finished_at", r->sub.finished_unix_ms);
    jsonw_int(&w, "test_count", (int64_t)r->sub.test_count);
    encode_usage(&w, r);
    event_end(b, &w);
}

/* Everything that `r` has and the reader was not sent. */
static void send_news(struct stream *s, const struct submission_report *r, struct buf *b)
{
    const struct submission *sub = &r->sub;
    bool final = hub_is_final(sub->state);
    if (s->sent.state == 0)
        send_state(s, b, sub, SUBMISSION_QUEUED);
    if (sub->attempts != s->sent.attempt) { /* a new attempt begins from nothing */
        s->sent.compile = 0;
        s->sent.tests = 0;
        s->sent.attempt = sub->attempts;
    }
    if ((int)sub->state != s->sent.state && !final)
        send_state(s, b, sub, sub->state);
    if (r->compile.present && s->sent.compile == 0)
        send_compile(s, b, &r->compile);
    for (size_t i = 0; i < r->result_count && b->len < PENDING_MAX; i++)
        if (r->results[i].index >= s->sent.tests)
            send_test(s, b, sub, &r->results[i]);
    bool all = r->result_count == 0 || s->sent.tests > r->results[r->result_count - 1].index;
    if (final && all)
        send_done(s, b, r);
    s->stale = !all;
}

static void refresh(struct stream *s, const struct hub_view *v)
{
    struct submission_report r = { 0 };
    bool found = false;
    struct err e;
    auto_buf_ struct buf b = { 0 };
    int64_t before = clock_mono_ns();
    s->stale = false;
    int rc = report_load(v->store, s->node.id, &r, &found, &e);
    if (rc != 0)
        log_error(&s->srv->log, "events_failed", &e);
    if (rc == 0 && found) {
        send_news(s, &r, &b);
        report_done(&r);
    }
    stream_send(s, &b, rc == 0 && (!found || hub_is_final((enum submission_state)s->sent.state)));
    int64_t now = clock_mono_ns(), rest = (now - before) * REST_TIMES_LOAD;
    s->rest_until_mono_ns = now + (rest > REST_MS * NS_PER_MS ? rest : REST_MS * NS_PER_MS);
    if (b.len > 0)
        s->keep_alive_mono_ns = now + KEEP_ALIVE_MS * NS_PER_MS;
}

static void keep_alive(struct stream *s, int64_t now)
{
    auto_buf_ struct buf b = { 0 };
    buf_puts(&b, ": keep-alive\n\n");
    stream_send(s, &b, false);
    s->keep_alive_mono_ns = now + KEEP_ALIVE_MS * NS_PER_MS;
}

static bool tell(struct hub_node *n, const struct hub_view *v)
{
    struct stream *s = (struct stream *)n;
    if (v->stopping)
        stream_send(s, &(struct buf){ 0 }, true);
    pthread_mutex_lock(&s->lock);
    bool over = s->gone || s->ended, full = s->pending.len - s->pending_at >= PENDING_MAX;
    pthread_mutex_unlock(&s->lock);
    int64_t now = v->now_mono_ns;
    bool waiting = s->sent.state == SUBMISSION_QUEUED && v->state == SUBMISSION_QUEUED;
    s->stale = s->stale || v->changed || !v->found || !waiting;
    if (!over && s->stale && !full && now >= s->rest_until_mono_ns)
        refresh(s, v);
    else if (!over && !full && now >= s->keep_alive_mono_ns)
        keep_alive(s, now);
    pthread_mutex_lock(&s->lock);
    over = s->gone || s->ended;
    pthread_mutex_unlock(&s->lock);
    if (over) {
        stream_drop(s);
        return false;
    }
    n->due_mono_ns = clock_mono_ns() + (full ? FULL_MS : LOOK_MS) * NS_PER_MS;
    if (s->stale && !full && s->rest_until_mono_ns < n->due_mono_ns)
        n->due_mono_ns = s->rest_until_mono_ns;
    if (!full && s->keep_alive_mono_ns < n->due_mono_ns)
        n->due_mono_ns = s->keep_alive_mono_ns;
    return true;
}

/* "attempt.state.compile.tests", as given out by event_begin; anything else means from the start.
 */
static struct progress parse_progress(const char *text)
{
    struct progress p = { 0 };
    char end = 0;
    if (text == NULL || strlen(text) > 40 ||
        sscanf(text, "%" SCNd64 ".%d.%d.%" SCNd64 "%c", &p.attempt, &p.state, &p.compile, &p.tests,
               &end) != 4 ||
        p.attempt < 0 || p.tests < 0 || p.state < SUBMISSION_QUEUED ||
        p.state > SUBMISSION_CANCELLED)
        return (struct progress){ 0 };
    return p;
}

static void open_stream(struct request *r, const char *id, const struct progress *sent)
{
    struct stream *s = xcalloc(1, sizeof *s);
    int64_t now = clock_mono_ns();
    *s = (struct stream){
        .node = { .tell = tell, .due_mono_ns = now },
        .srv = r->srv,
        .conn = r->conn,
        .holders = 2,
        .sent = *sent,
        .stale = true,
        .keep_alive_mono_ns = now + KEEP_ALIVE_MS * NS_PER_MS,
    };
    memcpy(s->node.id, id, STORE_ID_BYTES);
    pthread_mutex_init(&s->lock, NULL);
    atomic_fetch_add(&r->srv->stream_count, 1);
    r->reply.stream = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK_BYTES, stream_read,
                                                        s, stream_unread);
    if (r->reply.stream == NULL)
        abort(); /* out of memory */
    request_reply(r, 200, "text/event-stream");
    hub_add(r->srv->hub, &s->node);
}

void events_get(struct request *r)
{
    const char *id = accept_path_id(r);
    if (id == NULL || !accept_check_owner(r, id))
        return;
    struct progress sent = parse_progress(request_in_header(r, "Last-Event-ID"));
    if (hub_is_final((enum submission_state)sent.state)) {
        request_reply(r, 204, NULL); /* tells an EventSource not to come again */
    } else if (r->srv->stream_count >= r->srv->conf->server_connections / 2) {
        request_refuse(r, PROBLEM_BUSY, "too many event streams are open");
    } else {
        request_header(r, "X-Accel-Buffering", xstrdup("no"));
        if (r->head)
            request_reply(r, 200, "text/event-stream");
        else
            open_stream(r, id, &sent);
    }
}
