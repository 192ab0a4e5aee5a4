/* result.c - GET and cancel of one submission; minos-server. */
#include <stdlib.h>
#include <string.h>

#include "schema/wake.h"
#include "server/accept.h"
#include "server/handlers.h"
#include "server/wait.h"

struct getting {
    struct fields only;
    struct waiter waiter;
};

static void reply_got(struct request *r)
{
    const struct getting *g = r->state;
    accept_reply_report(r, r->params.text[0], &g->only, true);
}

/* Whether it exists, is the asker's, and is not final. Anything else is left to the reply. */
static bool worth_waiting(struct request *r, const char *id)
{
    auto_reader_ struct reader_loan loan = { r->srv->readers, NULL };
    struct submission_status status = { 0 };
    bool found = false;
    struct err e;
    if (readers_take(r->srv->readers, &loan.store, &e) != 0 ||
        submission_status(loan.store, id, &status, &found, &e) != 0)
        return false;
    return found && request_may_see(r, status.key_id) && !hub_is_final(status.state);
}

void result_get(struct request *r)
{
    const char *id = accept_path_id(r);
    if (id == NULL)
        return;
    struct getting *g = xcalloc(1, sizeof *g);
    r->state = g;
    r->state_free = free;
    int64_t wait_ms = 0;
    if (!wait_parse(r, &wait_ms) || !accept_fields(r, &g->only))
        return;
    if (wait_ms > 0 && worth_waiting(r, id)) {
        request_suspend(r, reply_got);
        wait_start(&g->waiter, r, id, wait_ms);
    } else {
        accept_reply_report(r, id, &g->only, wait_ms > 0);
    }
}

struct cancelling {
    struct writer_job job;
    struct request *request;
    enum cancel_answer answer;
};

static int apply(struct writer_job *j, struct store *s, struct err *e)
{
    struct cancelling *c = (struct cancelling *)j;
    return queue_cancel(s, c->request->params.text[0], &c->answer, e);
}

static void done(struct writer_job *j)
{
    struct cancelling *c = (struct cancelling *)j;
    struct request *r = c->request;
    if (j->rc == 0 && c->answer == CANCEL_CANCELLED) {
        const char *dir = r->srv->conf->store_data_dir;
        wake_send(dir, WAKE_QUEUE, r->params.text[0]);
        wake_send(dir, WAKE_PROGRESS, r->params.text[0]);
        wake_send(dir, WAKE_CALLBACK, "");
    }
    request_resume(r);
}

static void reply_cancelled(struct request *r)
{
    const struct cancelling *c = r->state;
    const struct fields all = { .all = true };
    if (c->job.rc != 0) {
        request_error(r, &c->job.err);
        return;
    }
    switch (c->answer) {
    case CANCEL_NOT_FOUND:
        request_refuse(r, PROBLEM_NOT_FOUND, "there is no submission with this id");
        break;
    case CANCEL_DONE_ALREADY:
        request_refuse(r, PROBLEM_FINISHED, "it has its verdict, which stands");
        break;
    case CANCEL_CANCELLED_ALREADY:
    case CANCEL_CANCELLED:
        accept_reply_report(r, r->params.text[0], &all, false);
        break;
    }
}

void cancel_submission(struct request *r)
{
    const char *id = accept_path_id(r);
    if (id == NULL || !accept_check_owner(r, id))
        return;
    struct cancelling *c = xcalloc(1, sizeof *c);
    r->state = c;
    r->state_free = free;
    c->request = r;
    c->job = (struct writer_job){ .apply = apply, .done = done };
    request_suspend(r, reply_cancelled);
    writer_push(r->srv->writer, &c->job);
}
