/* health.c - is the service alive, and can it take work; minos-server. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "sandbox/base/cleanup.h"
#include "sandbox/base/clock.h"
#include "server/handlers.h"
#include "server/request.h"

struct check {
    const char *name;
    bool (*run)(struct request *r, char detail[ERR_MESSAGE_BYTES]);
};

static bool store_ok(struct request *r, char detail[ERR_MESSAGE_BYTES])
{
    auto_reader_ struct reader_loan loan = { r->srv->readers, NULL };
    struct queue_stats q = { 0 };
    struct err e;
    if (readers_take(r->srv->readers, &loan.store, &e) != 0 ||
        queue_stats(loan.store, &q, &e) != 0) {
        log_error(&r->srv->log, "health_store", &e);
        snprintf(detail, ERR_MESSAGE_BYTES, "it cannot be read; the service's log says why");
        return false;
    }
    if (atomic_load(&r->srv->store_damaged)) {
        snprintf(detail, ERR_MESSAGE_BYTES,
                 "it is damaged: stop the service and restore a backup; the log says more");
        return false;
    }
    if (!writer_is_well(r->srv->writer, &e)) {
        snprintf(detail, ERR_MESSAGE_BYTES, "it cannot be written%s%s; the service's log says more",
                 e.errnum != 0 ? ": " : "", e.errnum != 0 ? strerrordesc_np(e.errnum) : "");
        return false;
    }
    int64_t max = r->srv->conf->store_queue_count_max;
    int64_t max_bytes = r->srv->conf->store_queue_bytes_max;
    snprintf(detail, ERR_MESSAGE_BYTES, "%" PRId64 " of %" PRId64 " places in the queue are taken",
             q.queued_count, max);
    return q.queued_count < max && q.queued_bytes < max_bytes;
}

static bool worker_ok(struct request *r, char detail[ERR_MESSAGE_BYTES])
{
    auto_catalog_ struct catalog_view *view = NULL;
    struct err e;
    size_t available = 0;
    if (catalog_get(r->srv->catalog, &view, &e) != 0) {
        snprintf(detail, ERR_MESSAGE_BYTES, "the list of languages cannot be read");
        return false;
    }
    for (size_t i = 0; i < view->count; i++)
        available += view->languages[i].available;
    if (view->count == 0)
        snprintf(detail, ERR_MESSAGE_BYTES, "no worker has reported its languages yet");
    else
        snprintf(detail, ERR_MESSAGE_BYTES, "%zu of %zu languages are available", available,
                 view->count);
    return available > 0;
}

/* While something may be claimed, a slot should hold something: that none does for so long means
 * that they cannot start, or cannot build cells. What a quota holds back is not meant. */
enum { UNATTENDED_MS = 10000 };

static bool slots_ok(struct request *r, char detail[ERR_MESSAGE_BYTES])
{
    auto_reader_ struct reader_loan loan = { r->srv->readers, NULL };
    struct queue_stats q = { 0 };
    struct err e;
    if (readers_take(r->srv->readers, &loan.store, &e) != 0 ||
        queue_stats(loan.store, &q, &e) != 0) {
        snprintf(detail, ERR_MESSAGE_BYTES, "the queue cannot be read");
        return false;
    }
    bool waits = q.first_in_line_unix_ms != 0 && q.running_count == 0 &&
                 clock_unix_ms() - q.first_in_line_unix_ms > UNATTENDED_MS;
    if (waits)
        snprintf(detail, ERR_MESSAGE_BYTES,
                 "%" PRId64 " submissions wait and no slot takes one; the worker's log says why",
                 q.queued_count);
    else
        snprintf(detail, ERR_MESSAGE_BYTES, "%" PRId64 " submissions are being judged",
                 q.running_count);
    return !waits;
}

static bool running_ok(struct request *r, char detail[ERR_MESSAGE_BYTES])
{
    bool stopping = r->srv->stopping;
    snprintf(detail, ERR_MESSAGE_BYTES, stopping ? "the service is stopping" : "serving");
    return !stopping;
}

static const struct check checks[] = {
    { "server", running_ok },
    { "store", store_ok },
    { "languages", worker_ok },
    { "slots", slots_ok },
};

static void reply_health(struct request *r, bool failing_is_503)
{
    char details[ARRAY_COUNT(checks)][ERR_MESSAGE_BYTES];
    bool ok[ARRAY_COUNT(checks)], ready = true;
    for (size_t i = 0; i < ARRAY_COUNT(checks); i++) {
        ok[i] = checks[i].run(r, details[i]);
        ready = ready && ok[i];
    }
    struct jsonw w;
    jsonw_init(&w, &r->reply.body, NULL);
    jsonw_object(&w, NULL);
    jsonw_text(&w, "status", ready ? "ready" : "not_ready");
    jsonw_bool(&w, "live", true);
    jsonw_bool(&w, "ready", ready);
    jsonw_text(&w, "version", MINOS_VERSION);
    jsonw_instant(&w, "started_at", r->srv->started_unix_ms);
    jsonw_array(&w, "checks");
    for (size_t i = 0; i < ARRAY_COUNT(checks); i++) {
        jsonw_object(&w, NULL);
        jsonw_text(&w, "name", checks[i].name);
        jsonw_bool(&w, "ok", ok[i]);
        jsonw_text(&w, "detail", details[i]);
        jsonw_end_object(&w);
    }
    jsonw_end_array(&w);
    jsonw_end_object(&w);
    buf_puts(&r->reply.body, "\n");
    if (!ready && failing_is_503)
        request_header(r, "Retry-After", xstrdup("1"));
    request_reply(r, !ready && failing_is_503 ? 503 : 200, REQUEST_JSON);
}

void health_all(struct request *r)
{
    reply_health(r, false);
}

void health_ready(struct request *r)
{
    reply_health(r, true);
}

void health_live(struct request *r)
{
    buf_puts(&r->reply.body, "{\"status\":\"live\"}\n");
    request_reply(r, 200, REQUEST_JSON);
}
