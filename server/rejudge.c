/*
 * rejudge.c - POST /v1/rejudge: judging again what has ended; minos-server.
 *
 * HTTP thread: decode, and find which they are, newest first; a call looks at EXAMINE_MAX rows and
 * takes `limit` of them at most, and no more than TESTS_MAX tests, so that the one transaction
 * which makes the new ones holds nobody up for long; the cursor leads on. What the call makes has
 * larger ids than the list began with, so it is not found again. Writer thread: one durable
 * transaction.
 */
#include <stdlib.h>
#include <string.h>

#include "sandbox/base/cleanup.h"
#include "schema/rejudge.h"
#include "server/accept.h"
#include "server/cursor.h"
#include "server/handlers.h"
#include "server/rejudge_decode.h"

enum { EXAMINE_MAX = 1000, TESTS_MAX = 1000, WEIGHT_BYTES = 4096 };

typedef char id_text[STORE_ID_BYTES];

struct rejudge {
    struct writer_job job; /* first: the writer hands it back */
    struct request *request;
    struct rejudge_want want;
    struct rejudge_call call;
    char *idempotency_key;
    id_text *ids;
    size_t count;
    int64_t test_count;
    id_text next_id; /* "": the list is at its end */
    struct rejudge_made made;
    bool repeated, refused; /* for this reason: */
    struct err refusal;
};

static void rejudge_free(void *p)
{
    struct rejudge *j = p;
    rejudge_want_done(&j->want);
    rejudge_made_done(&j->made);
    free(j->idempotency_key);
    free(j->ids);
    free(j);
}

/* ---- which ones */

static void take(struct rejudge *j, const char *id, int64_t test_count)
{
    j->ids = xrealloc(j->ids, (j->count + 1) * sizeof *j->ids);
    memcpy(j->ids[j->count++], id, STORE_ID_BYTES);
    j->test_count += test_count;
}

static bool has_ended(enum submission_state s)
{
    return s == SUBMISSION_DONE || s == SUBMISSION_CANCELLED;
}

/* Unless it is asked for, what was cancelled stays so: its owner wanted no verdict. */
static bool is_wanted(const struct rejudge_want *w, const struct submission_row *row)
{
    return has_ended(row->state) &&
           (row->state == SUBMISSION_DONE || w->filter.state == row->state) &&
           row->created_unix_ms >= w->from_unix_ms &&
           (w->before_unix_ms == 0 || row->created_unix_ms < w->before_unix_ms) &&
           rejudge_metadata_fits(w->metadata, row->metadata_json);
}

/* Take from `rows` what fits; next_id is the last one looked at, "" when the end was reached. */
static void choose(struct rejudge *j, const struct submission_row *rows, size_t count)
{
    const struct rejudge_want *w = &j->want;
    for (size_t i = 0; i < count; i++) {
        const struct submission_row *row = &rows[i];
        if (w->from_id[0] != '\0' && strcmp(row->id, w->from_id) < 0) {
            j->next_id[0] = '\0';
            return;
        }
        bool wanted = is_wanted(w, row);
        bool full = (int64_t)j->count == w->limit ||
                    (j->count > 0 && j->test_count + row->test_count > TESTS_MAX);
        if (wanted && full)
            return;
        if (wanted)
            take(j, row->id, row->test_count);
        memcpy(j->next_id, row->id, STORE_ID_BYTES);
    }
    if (count < EXAMINE_MAX)
        j->next_id[0] = '\0';
}

static int find_by_filter(struct rejudge *j, struct store *s, struct err *e)
{
    struct submission_filter f = j->want.filter;
    struct submission_row *rows = NULL;
    size_t count = 0;
    f.limit = EXAMINE_MAX;
    if (submission_list(s, &f, &rows, &count, e) != 0)
        return -1;
    choose(j, rows, count);
    submission_rows_free(rows, count);
    return 0;
}

static int find_by_id(struct rejudge *j, struct store *s, struct err *e)
{
    struct problem *p = &j->request->problem;
    for (size_t i = 0; i < json_array_size(j->want.ids); i++) {
        auto_free_ char *path = xasprintf("ids[%zu]", i);
        auto_free_ char *value = NULL;
        const char *id = json_string_value(json_array_get(j->want.ids, i));
        struct submission sub = { 0 };
        bool found = false;
        if (submission_load(s, id, &sub, &found, e) != 0)
            return -1;
        value = xasprintf("\"%s\"", id);
        if (!found)
            problem_fault(p, path, value, "a submission that is there");
        else if (!has_ended(sub.state))
            problem_fault(p, path, value, "a submission that has ended; this one is %s",
                          submission_state_name(sub.state));
        else
            take(j, id, (int64_t)sub.test_count);
        submission_done(&sub);
    }
    if (j->test_count > TESTS_MAX && j->count > 1)
        problem_fault(p, "ids", NULL, "submissions with %d tests together at most; these have %lld",
                      TESTS_MAX, (long long)j->test_count);
    return 0;
}

/* False: the reply is ready. */
static bool find(struct rejudge *j)
{
    struct request *r = j->request;
    auto_reader_ struct reader_loan loan = { r->srv->readers, NULL };
    struct err e;
    int rc = readers_take(r->srv->readers, &loan.store, &e);
    if (rc == 0)
        rc = rejudge_find_repeat(loan.store, &j->call, &j->made, &j->repeated, &e);
    if (rc == 0 && !j->repeated)
        rc =
            j->want.ids != NULL ? find_by_id(j, loan.store, &e) : find_by_filter(j, loan.store, &e);
    if (rc != 0)
        accept_reply_failed(r, &e);
    else if (r->problem.id != PROBLEM_NONE)
        request_problem(r);
    return rc == 0 && r->problem.id == PROBLEM_NONE;
}

/* ---- the answer */

static void write_pair(struct jsonw *w, const char *id, const char *of)
{
    jsonw_object(w, NULL);
    jsonw_text(w, "id", id);
    jsonw_text(w, "rejudge_of", of);
    jsonw_end_object(w);
}

static void reply(struct rejudge *j)
{
    struct request *r = j->request;
    struct jsonw w;
    auto_buf_ struct buf cursor = { 0 };
    bool dry = j->want.dry_run;
    const char *next_id = dry ? j->next_id : j->made.next_id;
    if (next_id[0] != '\0')
        cursor_write(&cursor, next_id);
    jsonw_init(&w, &r->reply.body, NULL);
    jsonw_object(&w, NULL);
    jsonw_bool(&w, "dry_run", dry);
    jsonw_int(&w, "priority", j->want.priority);
    jsonw_int(&w, "count", (int64_t)(dry ? j->count : j->made.count));
    jsonw_array(&w, "submissions");
    for (size_t i = 0; dry && i < j->count; i++)
        write_pair(&w, NULL, j->ids[i]);
    for (size_t i = 0; !dry && i < j->made.count; i++)
        write_pair(&w, j->made.pairs[i].id, j->made.pairs[i].of);
    jsonw_end_array(&w);
    jsonw_text(&w, "next_cursor", cursor.len > 0 ? buf_text(&cursor) : NULL);
    jsonw_end_object(&w);
    buf_puts(&r->reply.body, "\n");
    if (j->repeated)
        request_header(r, "Idempotency-Replayed", xstrdup("true"));
    request_reply(r, dry ? 200 : 202, REQUEST_JSON);
}

static void reply_made(struct request *r)
{
    struct rejudge *j = r->state;
    const struct rejudge_refusal *why = &j->made.refusal;
    if (j->job.rc != 0)
        accept_reply_failed(r, &j->job.err);
    else if (j->refused)
        request_refuse_quota_of(r, why->quota, why->limit, why->retry_ms, j->refusal.msg);
    else
        reply(j);
}

/* ---- the writer's part */

/* Who is refused has changed nothing, and fails nobody else's job. */
static int apply(struct writer_job *job, struct store *s, struct err *e)
{
    struct rejudge *j = (struct rejudge *)job;
    rejudge_made_done(&j->made); /* of a first try that was rolled back */
    int rc = rejudge_make(s, &j->call, (const char(*)[STORE_ID_BYTES])j->ids, j->count, &j->made,
                          &j->repeated, e);
    j->refused = rc < 0 && j->made.refusal.retry_ms > 0;
    job->feeds_queue = rc == 0;
    if (j->refused)
        j->refusal = *e;
    return j->refused ? 0 : rc;
}

static void done(struct writer_job *job)
{
    request_resume(((struct rejudge *)job)->request);
}

static void push(struct rejudge *j)
{
    j->call.next_id = j->next_id[0] != '\0' ? j->next_id : NULL;
    j->job = (struct writer_job){ .apply = apply,
                                  .done = done,
                                  .weight_bytes = (int64_t)j->count * WEIGHT_BYTES };
    request_suspend(j->request, reply_made);
    writer_push(j->request->srv->writer, &j->job);
}

void rejudge_submissions(struct request *r)
{
    struct rejudge *j = xcalloc(1, sizeof *j);
    r->state = j;
    r->state_free = rejudge_free;
    j->request = r;
    if (!accept_idempotency_key(r, &j->idempotency_key))
        return;
    if (rejudge_decode(buf_text(&r->body), r->body.len, &j->want, &r->problem) != 0) {
        request_problem(r);
        return;
    }
    j->call = (struct rejudge_call){ .key_id = r->who.key_id,
                                     .idempotency_key = j->idempotency_key,
                                     .priority = j->want.priority };
    store_sha256(buf_text(&r->body), r->body.len, j->call.request_sha256);
    if (!find(j))
        return;
    if (j->want.dry_run || j->repeated)
        reply(j);
    else
        push(j);
}
