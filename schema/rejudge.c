/* rejudge.c - new submissions that ask what old ones asked; server. */
#include "schema/rejudge.h"

#include <stdlib.h>
#include <string.h>

#include "sandbox/base/cleanup.h"
#include "sandbox/base/clock.h"
#include "schema/inner.h"

void rejudge_made_done(struct rejudge_made *m)
{
    free(m->pairs);
    *m = (struct rejudge_made){ 0 };
}

static void add_pair(struct rejudge_made *m, const struct rejudge_pair *p)
{
    m->pairs = xrealloc(m->pairs, (m->count + 1) * sizeof *m->pairs);
    m->pairs[m->count++] = *p;
}

/* ---- a call that is repeated */

static int read_pairs(struct store *s, int64_t call, struct rejudge_made *m, struct err *e)
{
    auto_stmt_ struct stmt *q =
        sql_use(s, "SELECT id, rejudge_of FROM submission WHERE rejudge_call = ? ORDER BY seq");
    sql_bind_int(q, call);
    bool found = false;
    while (sql_row(q, &found, e) == 0) {
        struct rejudge_pair p;
        if (!found)
            return 0;
        if (sql_id(q, p.id) && sql_id(q, p.of))
            add_pair(m, &p);
    }
    return -1;
}

int rejudge_find_repeat(struct store *s, const struct rejudge_call *c, struct rejudge_made *ret,
                        bool *ret_found, struct err *e)
{
    *ret_found = false;
    if (c->idempotency_key == NULL)
        return 0;
    auto_stmt_ struct stmt *q = sql_use(s, "SELECT id, request_sha256, next_id FROM rejudge "
                                           "WHERE key_id = ? AND idempotency_key = ?");
    sql_bind_int(q, c->key_id);
    sql_bind_text(q, c->idempotency_key);
    if (sql_row(q, ret_found, e) < 0)
        return -1;
    if (!*ret_found)
        return 0;
    struct rejudge_made m = { 0 };
    size_t len = 0;
    int64_t call = sql_int(q);
    const void *sha256 = sql_bytes(q, &len);
    if (len != STORE_SHA256_BYTES || memcmp(sha256, c->request_sha256, len) != 0)
        return err_input(e, "idempotency_key: was used for another request");
    sql_id(q, m.next_id);
    if (read_pairs(s, call, &m, e) < 0) {
        rejudge_made_done(&m);
        return -1;
    }
    *ret = m;
    return 0;
}

/* ---- a new one */

/* Only a call that may be repeated leaves a row; 0 for others. */
static int note_call(struct store *s, const struct rejudge_call *c, int64_t *ret, struct err *e)
{
    *ret = 0;
    if (c->idempotency_key == NULL)
        return 0;
    auto_stmt_ struct stmt *q =
        sql_use(s, "INSERT INTO rejudge (key_id, idempotency_key, request_sha256, "
                   "created_unix_ms, next_id) VALUES (?, ?, ?, ?, ?)");
    sql_bind_int(q, c->key_id);
    sql_bind_text(q, c->idempotency_key);
    sql_bind_blob(q, c->request_sha256, sizeof c->request_sha256);
    sql_bind_int(q, clock_unix_ms());
    sql_bind_text(q, c->next_id);
    if (sql_run(q, e) < 0)
        return -1;
    *ret = sqlite3_last_insert_rowid(s->db);
    return 0;
}

static int link_pair(struct store *s, const struct rejudge_pair *p, int64_t call, struct err *e)
{
    auto_stmt_ struct stmt *q =
        sql_use(s, "UPDATE submission SET rejudge_of = ?, rejudge_call = ? WHERE id = ?");
    sql_bind_text(q, p->of);
    sql_bind_int_or_null(q, call);
    sql_bind_text(q, p->id);
    return sql_run(q, e);
}

/* What was asked, but for what belongs to the one time it was asked. */
static void make_new(struct submission *sub, int64_t priority)
{
    store_new_id(sub->id);
    free(take_ptr(&sub->idempotency_key));
    free(take_ptr(&sub->callback_url)); /* its owner was told, and did not ask for this */
    sub->priority = priority;
}

static void note_refusal(struct store *s, const struct submission *sub, const struct err *why,
                         struct rejudge_refusal *ret)
{
    struct quotas q;
    struct err e;
    if (why->kind != ERR_BUSY || sub->admitted)
        return;
    *ret = (struct rejudge_refusal){ .quota = sub->refused, .retry_ms = sub->retry_ms };
    if (sub->refused != QUOTA_NONE && line_quotas(s, sub->key_id, &q, &e) == 0)
        ret->limit = quotas_get(&q, &quotas_table[sub->refused - 1]);
}

static int repeat_one(struct store *s, const struct rejudge_call *c, int64_t call, const char *of,
                      struct rejudge_made *m, struct err *e)
{
    struct submission sub = { 0 };
    struct rejudge_pair p;
    char existing[STORE_ID_BYTES];
    int64_t seq = 0;
    bool found = false;
    if (submission_read(s, of, &sub, &seq, &found, e) < 0)
        return -1;
    bool ended = sub.state == SUBMISSION_DONE || sub.state == SUBMISSION_CANCELLED;
    int rc = 0;
    if (found && ended) {
        make_new(&sub, c->priority);
        memcpy(p.id, sub.id, sizeof p.id);
        memcpy(p.of, of, sizeof p.of);
        rc = queue_accept(s, &sub, existing, e);
        if (rc < 0)
            note_refusal(s, &sub, e, &m->refusal);
        if (rc == 0)
            rc = link_pair(s, &p, call, e);
        if (rc == 0)
            add_pair(m, &p);
    }
    submission_done(&sub);
    return rc;
}

static int make_all(struct store *s, const struct rejudge_call *c,
                    const char (*ids)[STORE_ID_BYTES], size_t count, struct rejudge_made *m,
                    bool *ret_repeated, struct err *e)
{
    auto_tx_ struct tx t = { 0 };
    int64_t call = 0;
    if (tx_begin(&t, s, STORE_DURABLE, e) < 0 || rejudge_find_repeat(s, c, m, ret_repeated, e) < 0)
        return -1;
    if (*ret_repeated)
        return tx_commit(&t, e);
    if (note_call(s, c, &call, e) < 0)
        return -1;
    for (size_t i = 0; i < count; i++)
        if (repeat_one(s, c, call, ids[i], m, e) < 0)
            return err_wrap(e, "judge %s again", ids[i]);
    if (c->next_id != NULL)
        memcpy(m->next_id, c->next_id, sizeof m->next_id);
    return tx_commit(&t, e);
}

int rejudge_make(struct store *s, const struct rejudge_call *c, const char (*ids)[STORE_ID_BYTES],
                 size_t count, struct rejudge_made *ret, bool *ret_repeated, struct err *e)
{
    struct rejudge_made m = { 0 };
    if (make_all(s, c, ids, count, &m, ret_repeated, e) < 0) {
        ret->refusal = m.refusal;
        rejudge_made_done(&m);
        return -1;
    }
    *ret = m;
    return 0;
}

/* ---- forgetting */

int rejudge_forget(struct store *s, int64_t before_unix_ms, int64_t limit, struct err *e)
{
    for (int64_t i = 0; i < limit; i++) {
        auto_stmt_ struct stmt *q =
            sql_use(s, "DELETE FROM rejudge WHERE id = (SELECT min(id) FROM rejudge) "
                       "AND created_unix_ms < ?");
        sql_bind_int(q, before_unix_ms);
        if (sql_run(q, e) < 0)
            return -1;
        if (sql_changes(s) == 0)
            return 0;
    }
    return 0;
}
