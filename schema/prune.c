/* prune.c - retention: forgetting what ended long ago; server. */
#include "sandbox/base/clock.h"
#include "schema/inner.h"

enum {
    BATCH = 100,         /* submissions that one transaction forgets: others want to write, too */
    SWEEP_BATCH = 512,   /* blobs that one transaction deletes */
    SWEEP_PER_LIMIT = 8, /* blobs for each submission: a few more than one usually has */
};

static int next_old(struct store *s, int64_t before_unix_ms, int64_t *ret_seq, bool *ret_found,
                    struct err *e)
{
    auto_stmt_ struct stmt *q = sql_use(s, "SELECT seq FROM submission WHERE finished_unix_ms < ? "
                                           "ORDER BY finished_unix_ms LIMIT 1");
    sql_bind_int(q, before_unix_ms);
    if (sql_row(q, ret_found, e) < 0)
        return -1;
    if (*ret_found)
        *ret_seq = sql_int(q);
    return 0;
}

/* Relaxed: what a power cut brings back is forgotten again by the next prune. */
static int forget_batch(struct store *s, int64_t before_unix_ms, int64_t limit,
                        int64_t *ret_deleted, struct err *e)
{
    auto_tx_ struct tx t = { 0 };
    int64_t deleted = 0;
    if (tx_begin(&t, s, STORE_RELAXED, e) < 0)
        return -1;
    for (; deleted < limit; deleted++) {
        int64_t seq = 0;
        bool found = false;
        if (next_old(s, before_unix_ms, &seq, &found, e) < 0)
            return -1;
        if (!found)
            break;
        if (result_forget(s, seq, e) < 0 || submission_forget(s, seq, e) < 0)
            return -1;
    }
    if (rejudge_forget(s, before_unix_ms, limit, e) < 0 || tx_commit(&t, e) < 0)
        return -1;
    *ret_deleted = deleted;
    return 0;
}

/* Durable: a row that came back after its file was removed would have no bytes. Nothing refers to
 * it, but the fewer such the better. */
static int sweep_batch(struct store *s, int64_t *ret_deleted, struct err *e)
{
    auto_tx_ struct tx t = { 0 };
    if (tx_begin(&t, s, STORE_DURABLE, e) < 0 || blob_sweep(s, SWEEP_BATCH, ret_deleted, e) < 0)
        return -1;
    return tx_commit(&t, e);
}

static int sweep(struct store *s, int64_t limit, struct err *e)
{
    int64_t deleted = SWEEP_BATCH;
    for (int64_t sum = 0; sum < limit && deleted == SWEEP_BATCH; sum += deleted)
        if (sweep_batch(s, &deleted, e) < 0)
            return -1;
    return 0;
}

int store_prune(struct store *s, int64_t before_unix_ms, int64_t limit, int64_t *ret_deleted,
                struct err *e)
{
    *ret_deleted = 0;
    bool more = true;
    while (more && *ret_deleted < limit) {
        int64_t left = limit - *ret_deleted, want = left < BATCH ? left : BATCH, deleted = 0;
        if (forget_batch(s, before_unix_ms, want, &deleted, e) < 0)
            return err_wrap(e, "prune");
        *ret_deleted += deleted;
        more = deleted == want;
    }
    if (sweep(s, limit * SWEEP_PER_LIMIT, e) < 0 || (!more && stray_sweep(s, e) < 0))
        return err_wrap(e, "prune");
    return 0;
}
