/* metrics.c - Prometheus text; minos-server. */
#include "server/metrics.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>

#include "sandbox/base/cleanup.h"
#include "sandbox/base/clock.h"
#include "schema/callback.h"
#include "server/handlers.h"
#include "server/request.h"
#include "server/slow.h"

static const unsigned codes[] = { 200, 201, 202, 204, 400, 401, 403, 404,
                                  405, 409, 413, 415, 422, 429, 500, 503 };
enum { CODES = ARRAY_COUNT(codes) };

/* Upper bounds in seconds; the last bucket is +Inf. */
static const double bounds_s[] = { 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25,
                                   0.5,   1,      2.5,   5,    10,    30,   60,  300 };
enum { BOUNDS = ARRAY_COUNT(bounds_s) };

struct histogram {
    int64_t buckets[BOUNDS + 1]; /* not cumulative */
    int64_t count, sum_ns;
};

#define PHASES(X)                                                                                  \
    X(QUEUE, "queue", queue_ns)                                                                    \
    X(PREPARE, "prepare", prepare_ns)                                                              \
    X(COMPILE, "compile", compile_ns)                                                              \
    X(RUN, "run", run_ns)                                                                          \
    X(COLLECT, "collect", collect_ns)                                                              \
    X(TOTAL, "total", total_ns)

enum phase {
#define X(id, name, field) PHASE_##id,
    PHASES(X)
#undef X
        PHASE_COUNT
};

struct metrics {
    pthread_mutex_t lock;
    int64_t http[ROUTE_COUNT + 1][CODES + 1]; /* the last of each: anything else */
    struct histogram phases[PHASE_COUNT];
    int64_t refused[QUOTA_END];
};

struct metrics *metrics_new(void)
{
    struct metrics *m = xcalloc(1, sizeof *m);
    pthread_mutex_init(&m->lock, NULL);
    return m;
}

void metrics_free(struct metrics *m)
{
    if (m == NULL)
        return;
    pthread_mutex_destroy(&m->lock);
    free(m);
}

void metrics_http(struct metrics *m, const struct route *route, unsigned status)
{
    size_t i = 0;
    while (i < CODES && codes[i] != status)
        i++;
    pthread_mutex_lock(&m->lock);
    m->http[route != NULL ? route->id : ROUTE_COUNT][i]++;
    pthread_mutex_unlock(&m->lock);
}

void metrics_refused(struct metrics *m, enum quota quota)
{
    pthread_mutex_lock(&m->lock);
    m->refused[quota]++;
    pthread_mutex_unlock(&m->lock);
}

static void observe(struct histogram *h, int64_t ns)
{
    if (ns < 0)
        return;
    size_t i = 0;
    while (i < BOUNDS && (double)ns > bounds_s[i] * (double)NS_PER_S)
        i++;
    h->buckets[i]++;
    h->count++;
    h->sum_ns += ns;
}

void metrics_finished(void *ctx, const struct hub_times *t)
{
    struct metrics *m = ctx;
    pthread_mutex_lock(&m->lock);
#define X(id, name, field) observe(&m->phases[PHASE_##id], t->field);
    PHASES(X)
#undef X
    pthread_mutex_unlock(&m->lock);
}

static void family(struct buf *b, const char *name, const char *type, const char *help)
{
    buf_printf(b, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void write_histogram(struct buf *b, const char *phase, const struct histogram *h)
{
    const char *name = "minos_submission_phase_seconds";
    int64_t below = 0;
    for (size_t i = 0; i < BOUNDS; i++) {
        below += h->buckets[i];
        buf_printf(b, "%s_bucket{phase=\"%s\",le=\"%g\"} %" PRId64 "\n", name, phase, bounds_s[i],
                   below);
    }
    buf_printf(b, "%s_bucket{phase=\"%s\",le=\"+Inf\"} %" PRId64 "\n", name, phase, h->count);
    buf_printf(b, "%s_sum{phase=\"%s\"} %.6f\n", name, phase, (double)h->sum_ns / (double)NS_PER_S);
    buf_printf(b, "%s_count{phase=\"%s\"} %" PRId64 "\n", name, phase, h->count);
}

static void write_http(struct buf *b, const struct metrics *m)
{
    family(b, "minos_http_requests_total", "counter", "Requests answered, by route and status.");
    for (size_t r = 0; r <= ROUTE_COUNT; r++) {
        const struct route *route = r < ROUTE_COUNT ? route_at(r) : NULL;
        for (size_t c = 0; c <= CODES; c++) {
            if (m->http[r][c] == 0)
                continue;
            buf_printf(b, "minos_http_requests_total{method=\"%s\",route=\"%s\",code=\"",
                       route != NULL ? route->method : "", route != NULL ? route->path : "");
            if (c < CODES)
                buf_printf(b, "%u", codes[c]);
            else
                buf_puts(b, "other");
            buf_printf(b, "\"} %" PRId64 "\n", m->http[r][c]);
        }
    }
}

static void write_refused(struct buf *b, const struct metrics *m)
{
    family(b, "minos_quota_refusals_total", "counter", "Requests refused with 429, by quota.");
    for (size_t i = 0; i < quotas_count; i++)
        buf_printf(b, "minos_quota_refusals_total{quota=\"%s\"} %" PRId64 "\n",
                   quotas_table[i].name, m->refused[quotas_table[i].id]);
}

void metrics_write(struct metrics *m, struct buf *b)
{
    pthread_mutex_lock(&m->lock);
    write_http(b, m);
    write_refused(b, m);
    family(b, "minos_submission_phase_seconds", "histogram",
           "Where the time of submissions that this server saw finish went: queue (accepted to "
           "claimed), prepare (inputs and cells), compile (unless cached), run (wall time of the "
           "tests), collect (artifacts, comparing, recording), total (accepted to ended).");
#define X(id, name, field) write_histogram(b, name, &m->phases[PHASE_##id]);
    PHASES(X)
#undef X
    pthread_mutex_unlock(&m->lock);
}

static void gauge(struct buf *b, const char *name, const char *help, double v)
{
    family(b, name, "gauge", help);
    buf_printf(b, "%s %.15g\n", name, v);
}

static void write_queue(struct buf *b, const struct queue_stats *q)
{
    gauge(b, "minos_queue_depth", "Submissions that wait for a slot.", (double)q->queued_count);
    gauge(b, "minos_queue_bytes", "Bytes that they have.", (double)q->queued_bytes);
    gauge(b, "minos_running", "Submissions that a slot holds.", (double)q->running_count);
    double age = q->oldest_queued_unix_ms == 0
                     ? 0
                     : (double)(clock_unix_ms() - q->oldest_queued_unix_ms) / 1000;
    gauge(b, "minos_queue_oldest_age_seconds", "How long the oldest of them has waited.",
          age > 0 ? age : 0);
}

static void write_callbacks(struct buf *b, const struct callback_counts *c)
{
    family(b, "minos_callbacks", "gauge",
           "Callbacks that wait for their next try, and failed ones.");
    buf_printf(b, "minos_callbacks{state=\"pending\"} %" PRId64 "\n", c->pending);
    buf_printf(b, "minos_callbacks{state=\"failed\"} %" PRId64 "\n", c->failed);
}

/* One family over all keys. */
static void write_use(struct buf *b, const char *name, const char *type, const char *help,
                      double (*value)(const struct key_use *), const struct key_use *uses,
                      size_t count)
{
    family(b, name, type, help);
    for (size_t i = 0; i < count; i++)
        buf_printf(b, "%s{key=\"%" PRId64 "\"} %.15g\n", name, uses[i].key_id, value(&uses[i]));
}

static double use_queued(const struct key_use *u)
{
    return (double)u->queued_count;
}

static double use_running(const struct key_use *u)
{
    return (double)u->running_count;
}

static double use_cpu_s(const struct key_use *u)
{
    return (double)u->cpu_total_ns / (double)NS_PER_S;
}

static int write_keys(struct buf *b, struct store *s, struct err *e)
{
    struct key_use *uses = NULL;
    size_t count = 0;
    if (key_use_list(s, &uses, &count, e) != 0)
        return -1;
    write_use(b, "minos_key_queued", "gauge", "Submissions of an API key that wait (0: no key).",
              use_queued, uses, count);
    write_use(b, "minos_key_running", "gauge", "Submissions of an API key that a slot holds.",
              use_running, uses, count);
    write_use(b, "minos_key_cpu_seconds_total", "counter",
              "Cpu time of the programs of an API key, as charged to it.", use_cpu_s, uses, count);
    free(uses);
    return 0;
}

static void write_server(struct buf *b, struct server *srv)
{
    struct writer_stats w = writer_stats(srv->writer);
    family(b, "minos_writes_total", "counter", "Requests that the writer has stored.");
    buf_printf(b, "minos_writes_total %" PRId64 "\n", w.jobs);
    family(b, "minos_write_commits_total", "counter", "Durable transactions that took.");
    buf_printf(b, "minos_write_commits_total %" PRId64 "\n", w.commits);
    gauge(b, "minos_writes_waiting", "Requests that wait for the writer.", (double)w.waiting_count);
    gauge(b, "minos_body_bytes", "Request bodies held now.", (double)srv->bodies_bytes);
    gauge(b, "minos_connections", "Connections open now.", (double)slow_count(srv->slow));
    gauge(b, "minos_reply_bytes", "Long answers on their way now.", (double)srv->replies_bytes);
    gauge(b, "minos_event_streams", "Event streams open now.", (double)srv->stream_count);
    gauge(b, "minos_start_time_seconds", "When this server started, Unix time.",
          (double)srv->started_unix_ms / 1000);
    family(b, "minos_build_info", "gauge", "The version, as a label.");
    buf_puts(b, "minos_build_info{version=\"" MINOS_VERSION "\"} 1\n");
}

void metrics_get(struct request *r)
{
    auto_reader_ struct reader_loan loan = { r->srv->readers, NULL };
    struct queue_stats q = { 0 };
    struct verdict_counts v = { 0 };
    struct callback_counts c = { 0 };
    struct err e;
    if (readers_take(r->srv->readers, &loan.store, &e) != 0 ||
        queue_stats(loan.store, &q, &e) != 0 || verdict_counts(loan.store, &v, &e) != 0 ||
        callback_counts(loan.store, &c, &e) != 0) {
        request_error(r, &e);
        return;
    }
    struct buf *b = &r->reply.body;
    write_queue(b, &q);
    if (write_keys(b, loan.store, &e) != 0) {
        request_error(r, &e);
        return;
    }
    family(b, "minos_submissions_finished_total", "counter", "Finished submissions, by verdict.");
    for (int i = 1; i < VERDICT_COUNT; i++)
        buf_printf(b, "minos_submissions_finished_total{verdict=\"%s\"} %" PRId64 "\n",
                   verdict_name((enum verdict)i), v.by_verdict[i]);
    write_callbacks(b, &c);
    metrics_write(r->srv->metrics, b);
    write_server(b, r->srv);
    request_reply(r, 200, "text/plain; version=0.0.4; charset=utf-8");
}
