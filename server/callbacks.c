/* callbacks.c - what was told to whom of submissions that ended, and telling it again;
 * minos-server. The courier does the telling. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "sandbox/base/cleanup.h"
#include "sandbox/base/units.h"
#include "schema/callback.h"
#include "schema/wake.h"
#include "server/cursor.h"
#include "server/handlers.h"
#include "server/request.h"

enum { LIMIT_DEFAULT = 50, LIMIT_MAX = 500 };

static void write_callback(struct jsonw *w, const struct callback *c)
{
    bool pending = c->state == CALLBACK_PENDING;
    jsonw_object(w, NULL);
    jsonw_text(w, "id", c->id);
    jsonw_text(w, "url", c->url);
    jsonw_text(w, "state", callback_state_name(c->state));
    jsonw_int(w, "attempts", c->attempts);
    jsonw_int_or_null(w, "http_status", c->http_status, c->http_status != 0);
    if (c->message != NULL)
        jsonw_prose(w, "message", c->message);
    else
        jsonw_null(w, "message");
    jsonw_instant(w, "created_at", c->created_unix_ms);
    jsonw_instant(w, "next_attempt_at", pending ? c->due_unix_ms : 0);
    jsonw_instant(w, "ended_at", c->ended_unix_ms);
    jsonw_end_object(w);
}

/* ---- lists */

static void read_filter(struct request *r, struct callback_filter *f, char cursor[STORE_ID_BYTES])
{
    bool admin = (r->who.scopes & KEY_ADMIN) != 0;
    *f = (struct callback_filter){ .key_id = admin ? -1 : r->who.key_id, .limit = LIMIT_DEFAULT };
    const char *limit = request_query(r, "limit"), *text = request_query(r, "cursor");
    const char *state = request_query(r, "state");
    struct err e;
    if (limit != NULL && units_parse_int(limit, 1, LIMIT_MAX, &f->limit, &e) != 0)
        request_parameter_fault(r, "limit", limit, "a whole number from 1 to 500");
    if (text != NULL && !cursor_read(text, cursor))
        request_parameter_fault(r, "cursor", text, "the next_cursor of an earlier page");
    else if (text != NULL)
        f->before_id = cursor;
    if (state == NULL)
        return;
    f->state = callback_state_from_name(state);
#define X(id, name) " " name
    if (f->state == CALLBACK_NONE)
        request_parameter_fault(r, "state", state, "one of:" CALLBACK_STATES(X));
#undef X
}

static void write_page(struct request *r, const struct callback_filter *f,
                       const struct callback *rows, size_t count)
{
    struct jsonw w;
    auto_buf_ struct buf cursor = { 0 }, link = { 0 };
    size_t shown = count > (size_t)f->limit ? (size_t)f->limit : count;
    jsonw_init(&w, &r->reply.body, NULL);
    jsonw_object(&w, NULL);
    jsonw_array(&w, "callbacks");
    for (size_t i = 0; i < shown; i++)
        write_callback(&w, &rows[i]);
    jsonw_end_array(&w);
    if (count > shown) {
        cursor_write(&cursor, rows[shown - 1].id);
        buf_printf(&link, "/v1/callbacks?limit=%" PRId64 "%s%s&cursor=%s", f->limit,
                   f->state != CALLBACK_NONE ? "&state=" : "",
                   f->state != CALLBACK_NONE ? callback_state_name(f->state) : "",
                   buf_text(&cursor));
    }
    jsonw_text(&w, "next", count > shown ? buf_text(&link) : NULL);
    jsonw_text(&w, "next_cursor", count > shown ? buf_text(&cursor) : NULL);
    jsonw_end_object(&w);
    buf_puts(&r->reply.body, "\n");
}

void callbacks_list(struct request *r)
{
    struct callback_filter f;
    char cursor[STORE_ID_BYTES];
    read_filter(r, &f, cursor);
    if (r->problem.id != PROBLEM_NONE) {
        request_problem(r);
        return;
    }
    auto_reader_ struct reader_loan loan = { r->srv->readers, NULL };
    struct callback *rows = NULL;
    size_t count = 0;
    struct err e;
    struct callback_filter one_more = f; /* tells whether a next page exists */
    one_more.limit++;
    if (readers_take(r->srv->readers, &loan.store, &e) != 0 ||
        callback_list(loan.store, &one_more, &rows, &count, &e) != 0) {
        request_error(r, &e);
        return;
    }
    write_page(r, &f, rows, count);
    callbacks_free(rows, count);
    request_reply(r, 200, REQUEST_JSON);
}

/* ---- one */

/* Load the one that the path names, if the asker may see it; false: the reply is ready. */
static bool load(struct request *r, struct callback *ret)
{
    auto_reader_ struct reader_loan loan = { r->srv->readers, NULL };
    bool found = false;
    struct err e;
    if (readers_take(r->srv->readers, &loan.store, &e) != 0 ||
        callback_load(loan.store, r->params.text[0], ret, &found, &e) != 0) {
        request_error(r, &e);
        return false;
    }
    if (found && request_may_see(r, ret->key_id))
        return true;
    if (found)
        callback_done(ret);
    request_refuse(r, PROBLEM_NOT_FOUND,
                   "there is no callback of this submission: it has not ended, or nobody asked for "
                   "one");
    return false;
}

static void reply_callback(struct request *r, unsigned status)
{
    struct callback c = { 0 };
    struct jsonw w;
    if (!load(r, &c))
        return;
    jsonw_init(&w, &r->reply.body, NULL);
    write_callback(&w, &c);
    buf_puts(&r->reply.body, "\n");
    callback_done(&c);
    request_reply(r, status, REQUEST_JSON);
}

void callbacks_show(struct request *r)
{
    reply_callback(r, 200);
}

/* ---- again */

struct redelivery {
    struct writer_job job;
    struct request *request;
    bool found;
};

static int apply(struct writer_job *j, struct store *s, struct err *e)
{
    struct redelivery *d = (struct redelivery *)j;
    return callback_again(s, d->request->params.text[0], &d->found, e);
}

static void done(struct writer_job *j)
{
    struct request *r = ((struct redelivery *)j)->request;
    if (j->rc == 0)
        wake_send(r->srv->conf->store_data_dir, WAKE_CALLBACK, "");
    request_resume(r);
}

static void reply_again(struct request *r)
{
    const struct redelivery *d = r->state;
    if (d->job.rc != 0)
        request_error(r, &d->job.err);
    else
        reply_callback(r, 202);
}

void callbacks_redeliver(struct request *r)
{
    struct callback c = { 0 };
    if (!load(r, &c))
        return;
    callback_done(&c);
    if (!r->srv->conf->callbacks_enabled) {
        request_refuse(r, PROBLEM_BUSY, "callbacks are switched off here (callbacks.enabled)");
        return;
    }
    struct redelivery *d = xcalloc(1, sizeof *d);
    r->state = d;
    r->state_free = free;
    d->request = r;
    d->job = (struct writer_job){ .apply = apply, .done = done };
    request_suspend(r, reply_again);
    writer_push(r->srv->writer, &d->job);
}
