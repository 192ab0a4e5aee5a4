/* callback_secret.c - the secret that signs the callbacks of a key: making one, and when the one
 * before it ends; minos-server. */
#include <stdlib.h>
#include <string.h>

#include "sandbox/base/cleanup.h"
#include "schema/callback.h"
#include "server/base64.h"
#include "server/decode.h"
#include "server/handlers.h"
#include "server/request.h"
#include "server/walk.h"

enum { GRACE_DEFAULT_MS = 24 * 3600 * 1000, GRACE_MAX_MS = 7 * 24 * 3600 * 1000 };

static void write_secrets(struct request *r, const struct callback_secrets *s, bool with_text)
{
    struct jsonw w;
    jsonw_init(&w, &r->reply.body, NULL);
    jsonw_object(&w, NULL);
    jsonw_instant(&w, "created_at", s->created_unix_ms);
    jsonw_instant(&w, "previous_until", s->previous_end_unix_ms);
    if (with_text) {
        auto_buf_ struct buf text = { 0 };
        buf_puts(&text, "whsec_");
        base64_encode(&text, s->current, sizeof s->current);
        jsonw_text(&w, "secret", buf_text(&text));
        explicit_bzero(text.data, text.len);
    }
    jsonw_end_object(&w);
    buf_puts(&r->reply.body, "\n");
}

void callback_secret_show(struct request *r)
{
    auto_reader_ struct reader_loan loan = { r->srv->readers, NULL };
    struct callback_secrets s;
    struct err e;
    if (readers_take(r->srv->readers, &loan.store, &e) != 0 ||
        callback_secrets_load(loan.store, r->who.key_id, &s, &e) != 0) {
        request_error(r, &e);
        return;
    }
    if (!s.found) {
        request_refuse(r, PROBLEM_NOT_FOUND, "this key has no secret yet: POST here makes one");
        return;
    }
    write_secrets(r, &s, false);
    explicit_bzero(&s, sizeof s);
    request_reply(r, 200, REQUEST_JSON);
}

struct making {
    struct writer_job job;
    struct request *request;
    int64_t grace_ms;
    struct callback_secrets made;
};

static void making_free(void *p)
{
    explicit_bzero(p, sizeof(struct making));
    free(p);
}

static int apply(struct writer_job *j, struct store *s, struct err *e)
{
    struct making *m = (struct making *)j;
    return callback_secret_new(s, m->request->who.key_id, m->grace_ms, &m->made, e);
}

static void done(struct writer_job *j)
{
    request_resume(((struct making *)j)->request);
}

static void reply_made(struct request *r)
{
    const struct making *m = r->state;
    if (m->job.rc != 0) {
        request_error(r, &m->job.err);
        return;
    }
    write_secrets(r, &m->made, true);
    request_reply(r, 201, REQUEST_JSON);
}

struct raw_secret {
    struct walk_int grace_ms;
};

static const struct walk_row secret_rows[] = {
    { "grace_ms", WALK_INT, offsetof(struct raw_secret, grace_ms), 0, GRACE_MAX_MS },
};

/* The body may be left out. False: the reply is ready. */
static bool read_grace(struct request *r, int64_t *ret_ms)
{
    struct raw_secret raw = { 0 };
    json_t *root = r->body.len > 0 ? decode_parse(buf_text(&r->body), r->body.len, &r->problem)
                                   : json_object();
    if (root != NULL)
        walk_object(&r->problem, root, "", secret_rows, ARRAY_COUNT(secret_rows), &raw);
    json_decref(root);
    *ret_ms = raw.grace_ms.given ? raw.grace_ms.value : GRACE_DEFAULT_MS;
    if (r->problem.id == PROBLEM_NONE)
        return true;
    request_problem(r);
    return false;
}

void callback_secret_make(struct request *r)
{
    int64_t grace_ms = 0;
    if (!read_grace(r, &grace_ms))
        return;
    struct making *m = xcalloc(1, sizeof *m);
    r->state = m;
    r->state_free = making_free;
    m->request = r;
    m->grace_ms = grace_ms;
    m->job = (struct writer_job){ .apply = apply, .done = done };
    request_suspend(r, reply_made);
    writer_push(r->srv->writer, &m->job);
}
