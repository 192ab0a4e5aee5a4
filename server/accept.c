/*
 * accept.c - POST /v1/submissions; minos-server.
 *
 * HTTP thread: decode and stage (a large body: another thread does), then suspend. Writer thread:
 * record bytes and request, in one durable transaction with whoever else came. Back in an HTTP
 * thread, after the commit: 202; or, with ?wait=, the hub holds the request until the verdict is
 * there.
 */
#include "server/accept.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sandbox/base/cleanup.h"
#include "schema/callback.h"
#include "server/decode.h"
#include "server/encode.h"
#include "server/handlers.h"
#include "server/wait.h"

enum {
    IDEMPOTENCY_KEY_MAX = 255,
    /* Larger bodies are decoded and staged by a thread that serves nobody. No bytes of a smaller
     * one are large enough to become a file, so staging them here only hashes. */
    DECODE_HERE_BYTES = 64 << 10,
    /* While a body is decoded there are three of it: as it came, as JSON, as what is stored. Of
     * those above this size one is decoded at a time. */
    DECODE_ALONE_BYTES = 4 << 20,
};

struct acceptance {
    struct writer_job job; /* first: the writer hands it back */
    struct offload_task task;
    struct request *request;
    struct draft draft;
    struct fields only;
    struct waiter waiter;
    int64_t wait_ms;
    char *idempotency_key;         /* until the draft has it */
    char existing[STORE_ID_BYTES]; /* the submission this one repeats, "" when it is new */
    bool refused;                  /* for this reason: */
    struct err refusal;
};

static void acceptance_free(void *p)
{
    struct acceptance *a = p;
    draft_done(&a->draft);
    free(a->idempotency_key);
    free(a);
}

static const char *id_of(const struct acceptance *a)
{
    return a->existing[0] != '\0' ? a->existing : a->draft.sub.id;
}

/* What is done with each of a request's bytes, file by file and test by test. */
typedef int (*bytes_fn)(void *ctx, const struct draft_bytes *bytes, struct blob *blob,
                        struct err *e);

static int each_bytes(struct draft *d, bytes_fn fn, void *ctx, struct err *e)
{
    for (size_t i = 0; i < d->sub.file_count; i++)
        if (fn(ctx, &d->files[i], &d->sub.files[i].content, e) != 0)
            return -1;
    for (size_t i = 0; i < d->sub.test_count; i++)
        if (fn(ctx, &d->tests[i].input, &d->sub.tests[i].stdin_blob, e) != 0 ||
            fn(ctx, &d->tests[i].expected, &d->sub.tests[i].expected_output, e) != 0)
            return -1;
    return 0;
}

static int stage_bytes(void *ctx, const struct draft_bytes *bytes, struct blob *blob, struct err *e)
{
    *blob = (struct blob){ 0 };
    return bytes->data == NULL ? 0 : writer_stage(ctx, bytes->data, bytes->len, blob, e);
}

static int put_bytes(void *ctx, const struct draft_bytes *bytes, struct blob *blob, struct err *e)
{
    return blob->present ? blob_put_staged(ctx, blob, bytes->data, e) : 0;
}

/* Who is refused (a full queue, a quota, another request's idempotency key) has changed nothing,
 * and is no failure of the job: the batch goes on, however many are refused. */
static int apply(struct writer_job *j, struct store *s, struct err *e)
{
    struct acceptance *a = (struct acceptance *)j;
    bool admitted = queue_admit(s, &a->draft.sub, a->existing, e) == 0;
    a->refused = !admitted && (e->kind == ERR_BUSY || e->kind == ERR_INPUT);
    j->feeds_queue = admitted && a->existing[0] == '\0';
    if (a->refused)
        a->refusal = *e;
    if (a->refused || (admitted && !j->feeds_queue))
        return 0;
    if (!admitted || each_bytes(&a->draft, put_bytes, s, e) != 0)
        return -1;
    return queue_accept(s, &a->draft.sub, a->existing, e);
}

static void done(struct writer_job *j)
{
    struct acceptance *a = (struct acceptance *)j;
    draft_drop_bytes(&a->draft); /* a wait may be long */
    request_uncharge(a->request);
    if (j->rc == 0 && !a->refused && a->wait_ms > 0)
        wait_start(&a->waiter, a->request, id_of(a), a->wait_ms);
    else
        request_resume(a->request);
}

const char *accept_path_id(struct request *r)
{
    const char *id = r->params.text[0];
    if (store_id_valid(id))
        return id;
    request_refuse(r, PROBLEM_NOT_FOUND, "there is no submission with this id");
    return NULL;
}

bool accept_check_owner(struct request *r, const char *id)
{
    auto_reader_ struct reader_loan loan = { r->srv->readers, NULL };
    struct submission_status status = { 0 };
    bool found = false;
    struct err e;
    if (readers_take(r->srv->readers, &loan.store, &e) != 0 ||
        submission_status(loan.store, id, &status, &found, &e) != 0) {
        request_error(r, &e);
        return false;
    }
    bool mine = found && request_may_see(r, status.key_id);
    if (!mine)
        request_refuse(r, PROBLEM_NOT_FOUND, "there is no submission with this id");
    return mine;
}

void accept_reply_report(struct request *r, const char *id, const struct fields *only,
                         bool pending_is_202)
{
    auto_reader_ struct reader_loan loan = { r->srv->readers, NULL };
    struct submission_report report = { 0 };
    bool found = false;
    struct err e;
    if (readers_take(r->srv->readers, &loan.store, &e) != 0 ||
        report_load(loan.store, id, &report, &found, &e) != 0) {
        request_error(r, &e);
        return;
    }
    if (!found || !request_may_see(r, report.sub.key_id)) {
        request_refuse(r, PROBLEM_NOT_FOUND, "there is no submission with this id");
    } else if (encode_report(loan.store, &report, only, &r->reply.body, &e) != 0) {
        request_error(r, &e);
    } else {
        bool final = hub_is_final(report.sub.state);
        request_reply(r, pending_is_202 && !final ? 202 : 200, REQUEST_JSON);
    }
    if (found)
        report_done(&report);
}

void accept_reply_failed(struct request *r, const struct err *e)
{
    bool repeat = e->kind == ERR_INPUT && request_in_header(r, "Idempotency-Key") != NULL;
    if (repeat)
        request_refuse(r, PROBLEM_CONFLICT, "%s", e->msg);
    else
        request_error(r, e);
}

static void reply_refused(struct request *r, const struct acceptance *a)
{
    const struct submission *sub = &a->draft.sub;
    if (a->refusal.kind == ERR_INPUT && sub->idempotency_key != NULL)
        request_refuse(r, PROBLEM_CONFLICT, "%s", a->refusal.msg);
    else if (a->refusal.kind == ERR_INPUT)
        request_error(r, &a->refusal);
    else
        request_refuse_quota(r, sub->refused, sub->retry_ms, a->refusal.msg);
}

/* In an HTTP thread, after the commit and the wait. */
static void reply_accepted(struct request *r)
{
    struct acceptance *a = r->state;
    if (a->job.rc != 0) {
        request_error(r, &a->job.err);
        return;
    }
    if (a->refused) {
        reply_refused(r, a);
        return;
    }
    request_header(r, "Location", xasprintf("/v1/submissions/%s", id_of(a)));
    if (a->existing[0] != '\0')
        request_header(r, "Idempotency-Replayed", xstrdup("true"));
    if (a->existing[0] != '\0' || a->wait_ms > 0) {
        accept_reply_report(r, id_of(a), &a->only, true);
    } else {
        encode_accepted(&a->draft.sub, &r->reply.body);
        request_reply(r, 202, REQUEST_JSON);
    }
}

bool accept_fields(struct request *r, struct fields *ret)
{
    const char *text = request_query(r, "fields");
    char bad[FIELDS_NAME_BYTES];
    if (fields_parse(text, ret, bad))
        return true;
    request_parameter_fault(r, "fields", bad,
                            "at most %d names of members, such as status or tests.verdict, with "
                            "commas between",
                            FIELDS_MAX);
    request_problem(r);
    return false;
}

bool accept_idempotency_key(struct request *r, char **ret)
{
    const char *text = request_in_header(r, "Idempotency-Key");
    if (text == NULL)
        return true;
    size_t len = strlen(text);
    bool ok = len >= 1 && len <= IDEMPOTENCY_KEY_MAX;
    for (size_t i = 0; i < len; i++)
        ok = ok && text[i] > 0x20 && text[i] < 0x7f;
    if (ok) {
        *ret = xstrdup(text);
        return true;
    }
    request_parameter_fault(r, "Idempotency-Key", text, "1 to %d visible ASCII characters",
                            IDEMPOTENCY_KEY_MAX);
    request_problem(r);
    return false;
}

/* Callbacks are always signed, so there has to be something to sign with. */
static bool check_secret(struct request *r)
{
    auto_reader_ struct reader_loan loan = { r->srv->readers, NULL };
    struct callback_secrets secrets;
    struct err e;
    if (readers_take(r->srv->readers, &loan.store, &e) != 0 ||
        callback_secrets_load(loan.store, r->who.key_id, &secrets, &e) != 0) {
        request_error(r, &e);
        return false;
    }
    bool found = secrets.found;
    explicit_bzero(&secrets, sizeof secrets);
    if (found)
        return true;
    problem_fault(&r->problem, "callback_url", NULL,
                  "a key that has a secret to sign callbacks with: POST /v1/callbacks/secret makes "
                  "one");
    request_problem(r);
    return false;
}

/* Decode the body into a->draft; false: the reply is ready. */
static bool read_draft(struct request *r, struct acceptance *a)
{
    const struct conf *conf = r->srv->conf;
    auto_catalog_ struct catalog_view *view = NULL;
    struct err e;
    if (catalog_get(r->srv->catalog, &view, &e) != 0) {
        request_error(r, &e);
        return false;
    }
    if (view->count == 0) {
        request_refuse(r, PROBLEM_BUSY, "no worker has reported its languages yet");
        return false;
    }
    const struct decode_rules rules = {
        .callbacks = conf->callbacks_enabled ? conf : NULL,
        .defaults = &conf->limits,
        .ceilings = &conf->ceilings,
        .languages = view->languages,
        .language_count = view->count,
    };
    if (decode_submission(&rules, buf_text(&r->body), r->body.len, &a->draft, &r->problem) != 0) {
        request_problem(r);
        return false;
    }
    if (a->draft.sub.priority > r->who.quotas.priority_max) {
        auto_free_ char *value = xasprintf("%" PRId64, a->draft.sub.priority);
        problem_fault(&r->problem, "priority", value,
                      "%" PRId64 " at most, this key's priority_max", r->who.quotas.priority_max);
        request_problem(r);
        return false;
    }
    store_sha256(buf_text(&r->body), r->body.len, a->draft.sub.request_sha256);
    a->draft.sub.idempotency_key = take_ptr(&a->idempotency_key);
    store_new_id(a->draft.sub.id);
    return a->draft.sub.callback_url == NULL || check_secret(r);
}

/* A queue that is full, or a key that may not, is refused before bytes are written to files that
 * nobody would ever refer to. What comes between this look and the transaction is caught there. */
static bool check_room(struct request *r, struct acceptance *a)
{
    auto_reader_ struct reader_loan loan = { r->srv->readers, NULL };
    struct submission *sub = &a->draft.sub;
    struct err e;
    if (readers_take(r->srv->readers, &loan.store, &e) != 0) {
        request_error(r, &e);
        return false;
    }
    sub->key_id = r->who.key_id;
    if (queue_admit(loan.store, sub, a->existing, &e) == 0)
        return true;
    a->refusal = e;
    if (e.kind == ERR_BUSY || e.kind == ERR_INPUT)
        reply_refused(r, a);
    else
        request_error(r, &e);
    return false;
}

static bool read_draft_in_turn(struct request *r, struct acceptance *a)
{
    bool alone = r->body.len > DECODE_ALONE_BYTES;
    if (alone)
        pthread_mutex_lock(&r->srv->decode_lock);
    bool ok = read_draft(r, a);
    if (alone)
        pthread_mutex_unlock(&r->srv->decode_lock);
    return ok;
}

/* Decode the body and stage its bytes; false: the reply is ready. */
static bool take_body(struct request *r, struct acceptance *a)
{
    struct err e;
    if (!read_draft_in_turn(r, a))
        return false;
    if (r->body.len > DECODE_HERE_BYTES && !check_room(r, a))
        return false;
    if (each_bytes(&a->draft, stage_bytes, r->srv->writer, &e) != 0) {
        request_error(r, &e);
        return false;
    }
    return true;
}

/* The request is suspended, the draft complete. */
static void store_draft(struct acceptance *a)
{
    struct request *r = a->request;
    struct submission *sub = &a->draft.sub;
    sub->key_id = r->who.key_id;
    a->job = (struct writer_job){
        .apply = apply,
        .done = done,
        .weight_bytes = (int64_t)r->body.len,
    };
    buf_done(&r->body); /* the draft has its own copy */
    writer_push(r->srv->writer, &a->job);
}

static void decode_there(struct offload_task *t)
{
    struct acceptance *a = (struct acceptance *)((char *)t - offsetof(struct acceptance, task));
    if (take_body(a->request, a))
        store_draft(a);
    else
        request_resume(a->request); /* its reply is ready */
}

void accept_submission(struct request *r)
{
    struct acceptance *a = xcalloc(1, sizeof *a);
    r->state = a;
    r->state_free = acceptance_free;
    a->request = r;
    if (!wait_parse(r, &a->wait_ms) || !accept_fields(r, &a->only) ||
        !accept_idempotency_key(r, &a->idempotency_key))
        return;
    if (r->body.len > DECODE_HERE_BYTES) {
        request_suspend(r, reply_accepted);
        a->task.run = decode_there;
        offload_push(r->srv->offload, &a->task);
    } else if (take_body(r, a)) {
        request_suspend(r, reply_accepted);
        store_draft(a);
    }
}
