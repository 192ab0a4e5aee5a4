/*
 * prune.c - retention: forgetting what ended long ago, or more of it than may be kept; server.
 *
 * The bounds are numbers that move with the rows (counters 3, 4 and those of keys), and the oldest
 * of all, or of a key, is the first of an index: a look costs the same however much is kept. What
 * is done in one transaction is bounded by submissions, by their tests, and by files, so that
 * whoever wants to write waits for one such piece at most.
 */
#include "sandbox/base/clock.h"
#include "schema/inner.h"

enum {
    BATCH = 100,         /* submissions that one transaction forgets: others want to write, too */
    BATCH_TESTS = 1000,  /* and their tests, but for the last one's */
    SWEEP_BATCH = 100,   /* blobs that one transaction deletes */
    SWEEP_PER_LIMIT = 8, /* blobs for each submission: a few more than one usually has */
};

/* What somebody is still to be told of stays until then: a callback's age is bounded. */
#define NOT_PENDING                                                                                \
    "AND NOT EXISTS (SELECT 1 FROM callback c WHERE c.seq = submission.seq AND c.state = 1) "

/* One that is to go. */
struct victim {
    int64_t seq, test_count;
};

static int read_victim(struct stmt *q, struct victim *ret, bool *ret_found, struct err *e)
{
    if (sql_row(q, ret_found, e) < 0)
        return -1;
    if (*ret_found) {
        ret->seq = sql_int(q);
        ret->test_count = sql_int(q);
    }
    return 0;
}

static int oldest(struct store *s, int64_t before_unix_ms, struct victim *ret, bool *ret_found,
                  struct err *e)
{
    auto_stmt_ struct stmt *q =
        sql_use(s, "SELECT seq, test_count FROM submission INDEXED BY submission_finished "
                   "WHERE finished_unix_ms < ? " NOT_PENDING "ORDER BY finished_unix_ms LIMIT 1");
    sql_bind_int(q, before_unix_ms);
    return read_victim(q, ret, ret_found, e);
}

static int oldest_of_key(struct store *s, int64_t key_id, struct victim *ret, bool *ret_found,
                         struct err *e)
{
    auto_stmt_ struct stmt *q =
        sql_use(s, "SELECT seq, test_count FROM submission INDEXED BY submission_key_finished "
                   "WHERE key_id = ? AND finished_unix_ms IS NOT NULL " NOT_PENDING
                   "ORDER BY finished_unix_ms LIMIT 1");
    sql_bind_int(q, key_id);
    return read_victim(q, ret, ret_found, e);
}

/* A key that has more than it may keep. There are few keys. */
static int key_beyond(struct store *s, int64_t count_max, int64_t *ret_key_id, bool *ret_found,
                      struct err *e)
{
    auto_stmt_ struct stmt *q =
        sql_use(s, "SELECT id - ?1 FROM counter WHERE id >= ?1 AND value > ?2 LIMIT 1");
    sql_bind_int(q, COUNTER_KEY);
    sql_bind_int(q, count_max);
    if (sql_row(q, ret_found, e) < 0)
        return -1;
    if (*ret_found)
        *ret_key_id = sql_int(q);
    return 0;
}

static int is_beyond(struct store *s, int64_t counter, int64_t max, bool *ret, struct err *e)
{
    int64_t value = 0;
    if (max > 0 && counter_get(s, counter, &value, e) < 0)
        return -1;
    *ret = max > 0 && value > max;
    return 0;
}

/* By age, then per key, then by count and bytes. */
static int next_victim(struct store *s, const struct retention *r, struct victim *ret,
                       bool *ret_found, struct err *e)
{
    int64_t key_id = 0;
    bool beyond = false, much = false;
    *ret_found = false;
    if (r->before_unix_ms > 0 && oldest(s, r->before_unix_ms, ret, ret_found, e) < 0)
        return -1;
    if (*ret_found)
        return 0;
    if (r->key_count_max > 0 && key_beyond(s, r->key_count_max, &key_id, &beyond, e) < 0)
        return -1;
    if (beyond && oldest_of_key(s, key_id, ret, ret_found, e) < 0)
        return -1;
    if (*ret_found)
        return 0;
    if (is_beyond(s, COUNTER_ENDED, r->count_max, &beyond, e) < 0 ||
        is_beyond(s, COUNTER_BYTES, r->bytes_max, &much, e) < 0)
        return -1;
    return beyond || much ? oldest(s, INT64_MAX, ret, ret_found, e) : 0;
}

/* Relaxed: what a power cut brings back is forgotten again by the next prune. */
static int forget_batch(struct store *s, const struct retention *r, int64_t limit,
                        int64_t *ret_deleted, bool *ret_more, struct err *e)
{
    auto_tx_ struct tx t = { 0 };
    int64_t deleted = 0, tests = 0;
    bool found = true;
    if (tx_begin(&t, s, STORE_RELAXED, e) < 0)
        return -1;
    while (deleted < limit && tests < BATCH_TESTS) {
        struct victim v = { 0 };
        if (next_victim(s, r, &v, &found, e) < 0)
            return -1;
        if (!found)
            break;
        if (result_forget(s, v.seq, e) < 0 || submission_forget(s, v.seq, e) < 0)
            return -1;
        deleted++;
        tests += v.test_count;
    }
    if (rejudge_forget(s, r->before_unix_ms, limit, e) < 0 || tx_commit(&t, e) < 0)
        return -1;
    *ret_deleted = deleted;
    *ret_more = found;
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

int store_retain(struct store *s, const struct retention *r, int64_t *ret_deleted, bool *ret_more,
                 struct err *e)
{
    int64_t swept = 0;
    bool more = false;
    if (forget_batch(s, r, BATCH, ret_deleted, &more, e) < 0 || sweep_batch(s, &swept, e) < 0)
        return err_wrap(e, "prune");
    more = more || swept == SWEEP_BATCH;
    if (!more && stray_sweep(s, e) < 0)
        return err_wrap(e, "prune");
    *ret_more = more;
    return 0;
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
    const struct retention r = { .before_unix_ms = before_unix_ms };
    *ret_deleted = 0;
    bool more = true;
    while (more && *ret_deleted < limit) {
        int64_t left = limit - *ret_deleted, deleted = 0;
        if (forget_batch(s, &r, left < BATCH ? left : BATCH, &deleted, &more, e) < 0)
            return err_wrap(e, "prune");
        *ret_deleted += deleted;
    }
    if (sweep(s, limit * SWEEP_PER_LIMIT, e) < 0 || (!more && stray_sweep(s, e) < 0))
        return err_wrap(e, "prune");
    return 0;
}
