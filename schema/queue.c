/*
 * queue.c - the way of a submission from accepted to ended; server (accept, cancel) and worker
 * slots (the rest).
 *
 *                 queue_accept                                   queue_finish
 *                      |                                              ^
 *                      v      queue_claim            queue_advance    |
 *        +--------> QUEUED ------------> CLAIMED --> COMPILING --> RUNNING ---> DONE
 *        |             |                    |  \_________|___________^  |        ^
 *        |             |                    |            |              |        | attempts
 *        |             |                    v            v              v        | used up
 *        +--------------------------------- queue_give_back, or the lease ran out
 *                      |                    |            |              |
 *                      +--------------------+------------+--------------+-----> CANCELLED
 *                                      queue_cancel
 *
 * A submission that lives has a row in `queue`; one that has ended has none, and its `submission`
 * row says how it ended. states.def lists the moves, and nothing else moves.
 *
 * Invariants
 *   1. Acknowledged means durable: the commit that holds queue_accept is on disk before the server
 *      answers.
 *   2. Exactly one end. A row leaves the queue once, in the transaction that writes the verdict;
 *      both are durable before anybody can read them. Nothing writes the verdict of a submission
 *      that has no row in the queue, so it never changes.
 *   3. At most one holder. A claim gives a fence, one larger than any before it for this
 * submission. Each write of the holder looks for the row with its id, its fence and a lease, in the
 * same transaction as the write. There is none when the lease was lost (the row is queued, or has
 *      a larger fence) or the submission has ended (no row): the writer hears that it is not his.
 *   4. A lease that has run out is still its holder's until a claimer takes it: time alone decides
 *      nothing, so a clock that jumps costs work but never a second verdict.
 *   5. Attempts are bounded: each claim counts one, and who would claim or put back a submission
 *      whose attempts are used up ends it as internal_error instead.
 *   6. After CANCEL_CANCELLED there is no other verdict: by 2 and 3, for queued and held alike.
 *   7. What an attempt recorded goes when it is put back: results are of one attempt.
 *   8. Counters 1 and 2 are the queued and the held rows, 3 those that have ended and are there (of
 *      each key: 1000000 + key), 5 the bytes of the queued, and 100 + v the ends with verdict v:
 *      each moves in the transaction that moves the row. The same holds for what key_use counts of
 *      a single key.
 *
 * Checked by a model. tests/model/queue.pml is this protocol in Promela: a step there is a
 * transaction here, under the same name, and what is left of `now` after a power cut is `disk`.
 * Spin searches every interleaving of clients, slots, crashes and power cuts for a state that
 * breaks 1 to 3 or 5 to 7, and for an acknowledged submission that never ends (`make model`). Lease
 * ends are free to come at any step there, which is 4. Who changes a statement that
 * tests/model/breaks.def names changes the model with it.
 *
 * Why the fence. A slot may be stopped (swapped out, a debugger, kill -STOP) after it looked at the
 * clock and before it writes. No lease, however long, can tell it from a dead one, so somebody
 * else gets the submission, and then the sleeper wakes and writes. The number makes the store, and
 * not the sleeper's idea of time, decide whose write counts.
 *
 * Order. Effective priority is priority + minutes waited. All submissions of a key age alike, so
 * the order of two never changes, and `rank` = created_unix_ms - priority * 60000 is it, fixed at
 * acceptance, smallest first, ties by id. Whose turn it is among the keys says line.c. A claim is a
 * few steps into indexes, however many rows wait or have ended.
 *
 * Durability. Claims, moves and single results are relaxed: a power cut takes them back together
 * with the attempt, which is then made again. The log is one file and is synced whole, so the
 * durable commit of an end has all that went before it on disk, too.
 */
#include <string.h>

#include "sandbox/base/clock.h"
#include "schema/inner.h"

enum {
    MS_PER_PRIORITY = 60 * 1000,    /* one point of priority is worth so much waiting */
    EXPIRE_BATCH = 64,              /* lost leases that one transaction puts back */
    LEASE_LONGEST_MS = 3600 * 1000, /* the longest that may be configured */
};

/* ---- accept */

static int insert_row(struct store *s, const struct live *l, struct err *e)
{
    auto_stmt_ struct stmt *q =
        sql_use(s, "INSERT INTO queue (id, seq, state, rank, fence, attempts, created_unix_ms, "
                   "key_id, bytes) VALUES (?, ?, ?, ?, 0, 0, ?, ?, ?)");
    sql_bind_text(q, l->id);
    sql_bind_int(q, l->seq);
    sql_bind_int(q, l->state);
    sql_bind_int(q, l->rank);
    sql_bind_int(q, l->created_unix_ms);
    sql_bind_int(q, l->key_id);
    sql_bind_int(q, l->bytes);
    if (sql_run(q, e) < 0 || counter_add(s, COUNTER_QUEUED, 1, e) < 0 ||
        counter_add(s, COUNTER_QUEUED_BYTES, l->bytes, e) < 0)
        return -1;
    return line_moved(s, l, SUBMISSION_NONE, SUBMISSION_QUEUED, 0, e);
}

static int enqueue(struct store *s, struct submission *sub, int64_t seq, struct err *e)
{
    struct live l = {
        .seq = seq,
        .state = SUBMISSION_QUEUED,
        .rank = sub->created_unix_ms - sub->priority * MS_PER_PRIORITY,
        .created_unix_ms = sub->created_unix_ms,
        .key_id = sub->key_id,
        .bytes = admit_bytes(sub),
    };
    memcpy(l.id, sub->id, STORE_ID_BYTES);
    if (insert_row(s, &l, e) < 0)
        return -1;
    sub->state = SUBMISSION_QUEUED;
    return 0;
}

int queue_accept(struct store *s, struct submission *sub, char ret_existing[STORE_ID_BYTES],
                 struct err *e)
{
    auto_tx_ struct tx t = { 0 };
    int64_t seq = 0;
    ret_existing[0] = '\0';
    if (tx_begin(&t, s, STORE_DURABLE, e) < 0 ||
        (!sub->admitted && queue_admit(s, sub, ret_existing, e) < 0))
        return -1;
    if (ret_existing[0] != '\0')
        return tx_commit(&t, e);
    sub->created_unix_ms = clock_unix_ms();
    if (submission_insert(s, sub, &seq, e) < 0 || enqueue(s, sub, seq, e) < 0)
        return -1;
    return tx_commit(&t, e);
}

/* ---- claim */

/*
 * A lease is lost when its end has passed, and also when it lies further ahead than any lease may:
 * the wall clock was set back, and its holder, were it alive, would have renewed it since.
 */
#define LOST "(lease_end_unix_ms <= ?1 OR lease_end_unix_ms > ?1 + ?2)"

static void bind_lost(struct stmt *q, int64_t lease_ms)
{
    sql_bind_int(q, clock_unix_ms());
    sql_bind_int(q, (lease_ms > 0 ? lease_ms : 0) + LEASE_LONGEST_MS);
}

/* What there is to do, looked up without the write lock, so that idle slots disturb nobody. */
struct work {
    bool lost, waiting, rested;
};

static int look(struct store *s, int64_t lease_ms, struct work *ret, struct err *e)
{
    auto_stmt_ struct stmt *q =
        sql_use(s, "SELECT EXISTS (SELECT 1 FROM queue INDEXED BY queue_lease WHERE "
                   "lease_end_unix_ms IS NOT NULL AND " LOST ")");
    bind_lost(q, lease_ms);
    bool found = false;
    if (sql_row(q, &found, e) < 0)
        return -1;
    ret->lost = sql_int(q) != 0;
    return line_look(s, &ret->waiting, &ret->rested, e);
}

/* Looks at the held rows alone, which are no more than there are slots. */
static int next_lost(struct store *s, int64_t lease_ms, struct live *ret, bool *ret_found,
                     struct err *e)
{
    auto_stmt_ struct stmt *q =
        sql_use(s, "SELECT " LIVE_COLUMNS " FROM queue INDEXED BY queue_lease "
                   "WHERE lease_end_unix_ms IS NOT NULL AND " LOST " LIMIT 1");
    bind_lost(q, lease_ms);
    return move_read(q, ret, ret_found, e);
}

void queue_on_moved(struct store *s, void (*moved)(void *ctx, const char *id), void *ctx)
{
    s->moved = moved;
    s->moved_ctx = ctx;
}

/* Those that queue_claim itself moves in one transaction: told of when that is committed. */
struct moved {
    char ids[EXPIRE_BATCH][STORE_ID_BYTES];
    size_t count;
};

static void tell(const struct store *s, const struct moved *m)
{
    for (size_t i = 0; s->moved != NULL && i < m->count; i++)
        s->moved(s->moved_ctx, m->ids[i]);
}

/* Durable, since it may end some. */
static int expire_batch(struct store *s, int64_t lease_ms, int64_t attempts_max, struct moved *m,
                        struct err *e)
{
    auto_tx_ struct tx t = { 0 };
    if (tx_begin(&t, s, STORE_DURABLE, e) < 0)
        return -1;
    while (m->count < EXPIRE_BATCH) {
        struct live l;
        bool found = false;
        if (next_lost(s, lease_ms, &l, &found, e) < 0)
            return -1;
        if (!found)
            break;
        if (move_put_back_or_end(s, &l, attempts_max,
                                 "its judge stopped answering each time it was tried", e) < 0)
            return -1;
        memcpy(m->ids[m->count++], l.id, STORE_ID_BYTES);
    }
    return tx_commit(&t, e);
}

static int expire(struct store *s, int64_t lease_ms, int64_t attempts_max, struct err *e)
{
    struct moved m = { .count = 0 };
    if (expire_batch(s, lease_ms, attempts_max, &m, e) < 0)
        return -1;
    tell(s, &m);
    return 0;
}

static int take(struct store *s, const struct live *l, const char *owner, int64_t lease_ms,
                struct claim *ret, struct err *e)
{
    int64_t now_unix_ms = clock_unix_ms();
    auto_stmt_ struct stmt *q =
        sql_use(s, "UPDATE queue SET state = ?, fence = fence + 1, attempts = attempts + 1, "
                   "started_unix_ms = ?, lease_end_unix_ms = ?, owner = ? WHERE id = ? "
                   "RETURNING fence, attempts");
    sql_bind_int(q, SUBMISSION_CLAIMED);
    sql_bind_int(q, now_unix_ms);
    sql_bind_int(q, now_unix_ms + lease_ms);
    sql_bind_text(q, owner);
    sql_bind_text(q, l->id);
    bool found = false;
    if (sql_row(q, &found, e) < 0)
        return -1;
    memcpy(ret->id, l->id, sizeof ret->id);
    ret->fence = sql_int(q);
    ret->attempt = sql_int(q);
    if (move_note(s, l, SUBMISSION_CLAIMED, e) < 0)
        return -1;
    return line_moved(s, l, SUBMISSION_QUEUED, SUBMISSION_CLAIMED, 0, e);
}

enum pick { PICK_NONE, PICK_TAKEN, PICK_USED_UP };

/* Take the first in line; PICK_USED_UP: it has no attempt left, and nothing was changed. */
static int pick_first(struct store *s, const char *owner, int64_t lease_ms, int64_t attempts_max,
                      struct claim *ret, enum pick *ret_pick, struct err *e)
{
    auto_tx_ struct tx t = { 0 };
    struct live l;
    bool found = false;
    if (tx_begin(&t, s, STORE_RELAXED, e) < 0 || line_first(s, &l, &found, e) < 0)
        return -1;
    *ret_pick = PICK_NONE;
    if (!found)
        return tx_commit(&t, e);
    *ret_pick = PICK_USED_UP;
    if (l.attempts >= attempts_max)
        return tx_commit(&t, e);
    *ret_pick = PICK_TAKEN;
    return take(s, &l, owner, lease_ms, ret, e) < 0 ? -1 : tx_commit(&t, e);
}

/* End the first in line if it has no attempt left: attempts_max was lowered meanwhile. */
static int end_first(struct store *s, int64_t attempts_max, struct err *e)
{
    auto_tx_ struct tx t = { 0 };
    struct live l;
    bool found = false;
    if (tx_begin(&t, s, STORE_DURABLE, e) < 0 || line_first(s, &l, &found, e) < 0)
        return -1;
    if (found && move_put_back_or_end(s, &l, attempts_max, "its attempts were used up", e) < 0)
        return -1;
    if (tx_commit(&t, e) < 0)
        return -1;
    if (found && s->moved != NULL)
        s->moved(s->moved_ctx, l.id);
    return 0;
}

/* A slot with nothing to do empties the log, if it has grown, so that busy ones need not. */
static void tidy(struct store *s)
{
    struct err e;
    if (s->tx == TX_NONE && s->wal_pages >= DB_CHECKPOINT_IDLE_PAGES && store_checkpoint(s, &e) < 0)
        s->wal_pages = 0; /* not now, then: the next commit notes the size anew */
}

int queue_claim(struct store *s, const char *owner, int64_t lease_ms, int64_t attempts_max,
                struct claim *ret, bool *ret_found, struct err *e)
{
    *ret_found = false;
    for (;;) {
        struct work work = { 0 };
        enum pick pick = PICK_NONE;
        if (look(s, lease_ms, &work, e) < 0 ||
            (work.lost && expire(s, lease_ms, attempts_max, e) < 0) ||
            (work.rested && line_wake(s, e) < 0))
            return -1;
        if (!work.lost && !work.waiting && !work.rested) {
            tidy(s);
            return 0;
        }
        if (pick_first(s, owner, lease_ms, attempts_max, ret, &pick, e) < 0)
            return -1;
        if (pick == PICK_TAKEN)
            *ret_found = true;
        if (pick != PICK_USED_UP)
            return 0;
        if (end_first(s, attempts_max, e) < 0)
            return -1;
    }
}

int queue_waiting(struct store *s, int64_t *ret_count, struct err *e)
{
    return counter_get(s, COUNTER_QUEUED, ret_count, e);
}

/* ---- the holder's writes */

int queue_renew(struct store *s, const struct claim *c, int64_t lease_ms, bool *ret_mine,
                struct err *e)
{
    auto_tx_ struct tx t = { 0 };
    if (tx_begin(&t, s, STORE_RELAXED, e) < 0)
        return -1;
    auto_stmt_ struct stmt *q =
        sql_use(s, "UPDATE queue SET lease_end_unix_ms = ? "
                   "WHERE id = ? AND fence = ? AND lease_end_unix_ms IS NOT NULL");
    sql_bind_int(q, clock_unix_ms() + lease_ms);
    sql_bind_text(q, c->id);
    sql_bind_int(q, c->fence);
    if (sql_run(q, e) < 0)
        return -1;
    *ret_mine = sql_changes(s) == 1;
    return tx_commit(&t, e);
}

static int set_state(struct store *s, const struct live *l, enum submission_state state,
                     struct err *e)
{
    if (l->state == state)
        return 0;
    if (move_note(s, l, state, e) < 0)
        return -1;
    auto_stmt_ struct stmt *q = sql_use(s, "UPDATE queue SET state = ? WHERE id = ?");
    sql_bind_int(q, state);
    sql_bind_text(q, l->id);
    return sql_run(q, e);
}

int queue_advance(struct store *s, const struct claim *c, enum submission_state state,
                  bool *ret_mine, struct err *e)
{
    auto_tx_ struct tx t = { 0 };
    struct live l;
    if (state != SUBMISSION_COMPILING && state != SUBMISSION_RUNNING)
        return err_bug(e, "queue_advance to %s", submission_state_name(state));
    if (tx_begin(&t, s, STORE_RELAXED, e) < 0 || move_find_held(s, c, &l, ret_mine, e) < 0 ||
        (*ret_mine && set_state(s, &l, state, e) < 0))
        return -1;
    return tx_commit(&t, e);
}

static int record(struct store *s, const struct live *l, const struct attempt *a, struct err *e)
{
    if (a->compile != NULL && result_put_compile(s, l->seq, a->language_version, a->compile, e) < 0)
        return -1;
    for (size_t i = 0; i < a->test_count; i++)
        if (result_put_test(s, l->seq, a->tests[i], e) < 0)
            return -1;
    if (a->verdict == VERDICT_NONE)
        return a->runs ? set_state(s, l, SUBMISSION_RUNNING, e) : 0;
    const struct end end = { .state = SUBMISSION_DONE,
                             .verdict = a->verdict,
                             .message = a->message,
                             .isolation_json = a->isolation_json,
                             .phases = a->phases };
    return move_end(s, l, &end, e);
}

int queue_record(struct store *s, const struct claim *c, const struct attempt *a, bool *ret_mine,
                 struct err *e)
{
    auto_tx_ struct tx t = { 0 };
    struct live l;
    bool ends = a->verdict != VERDICT_NONE;
    if (tx_begin(&t, s, ends ? STORE_DURABLE : STORE_RELAXED, e) < 0 ||
        move_find_held(s, c, &l, ret_mine, e) < 0 || (*ret_mine && record(s, &l, a, e) < 0))
        return -1;
    return tx_commit(&t, e);
}

int queue_finish(struct store *s, const struct claim *c, enum verdict v, const char *message,
                 const char *isolation_json, bool *ret_mine, struct err *e)
{
    const struct attempt a = { .verdict = v, .message = message, .isolation_json = isolation_json };
    if (v <= VERDICT_NONE || v >= VERDICT_COUNT)
        return err_bug(e, "queue_finish without a verdict");
    return queue_record(s, c, &a, ret_mine, e);
}

static int uncount(struct store *s, const struct live *l, struct err *e)
{
    auto_stmt_ struct stmt *q = sql_use(s, "UPDATE queue SET attempts = attempts - 1 WHERE id = ?");
    sql_bind_text(q, l->id);
    return sql_run(q, e);
}

int queue_give_back(struct store *s, const struct claim *c, int64_t attempts_max,
                    const char *message, bool *ret_mine, struct err *e)
{
    auto_tx_ struct tx t = { 0 };
    struct live l;
    if (tx_begin(&t, s, STORE_DURABLE, e) < 0 || move_find_held(s, c, &l, ret_mine, e) < 0 ||
        (*ret_mine && move_put_back_or_end(s, &l, attempts_max, message, e) < 0) ||
        (*ret_mine && attempts_max == QUEUE_UNCOUNTED && uncount(s, &l, e) < 0))
        return -1;
    return tx_commit(&t, e);
}

/* ---- cancel */

static int find_live(struct store *s, const char *id, struct live *ret, bool *ret_found,
                     struct err *e)
{
    auto_stmt_ struct stmt *q = sql_use(s, "SELECT " LIVE_COLUMNS " FROM queue WHERE id = ?");
    sql_bind_text(q, id);
    return move_read(q, ret, ret_found, e);
}

static int answer_ended(struct store *s, const char *id, enum cancel_answer *ret, struct err *e)
{
    auto_stmt_ struct stmt *q = sql_use(s, "SELECT state FROM submission WHERE id = ?");
    sql_bind_text(q, id);
    bool found = false;
    if (sql_row(q, &found, e) < 0)
        return -1;
    *ret = !found                               ? CANCEL_NOT_FOUND
           : sql_int(q) == SUBMISSION_CANCELLED ? CANCEL_CANCELLED_ALREADY
                                                : CANCEL_DONE_ALREADY;
    return 0;
}

int queue_cancel(struct store *s, const char *id, enum cancel_answer *ret, struct err *e)
{
    auto_tx_ struct tx t = { 0 };
    struct live l;
    bool found = false;
    const struct end end = { .state = SUBMISSION_CANCELLED, .verdict = VERDICT_CANCELLED };
    if (tx_begin(&t, s, STORE_DURABLE, e) < 0 || find_live(s, id, &l, &found, e) < 0)
        return -1;
    if (!found)
        return answer_ended(s, id, ret, e);
    if (move_end(s, &l, &end, e) < 0 || tx_commit(&t, e) < 0)
        return -1;
    *ret = CANCEL_CANCELLED;
    return 0;
}

/* ---- statistics */

int queue_stats(struct store *s, struct queue_stats *ret, struct err *e)
{
    auto_tx_ struct tx t = { 0 };
    struct queue_stats stats = { 0 };
    if (tx_begin_read(&t, s, e) < 0 || counter_get(s, COUNTER_QUEUED, &stats.queued_count, e) < 0 ||
        counter_get(s, COUNTER_HELD, &stats.running_count, e) < 0 ||
        counter_get(s, COUNTER_QUEUED_BYTES, &stats.queued_bytes, e) < 0)
        return -1;
    /* Ids begin with their time, and all but a few rows are queued: the first query stops early. */
    auto_stmt_ struct stmt *q = sql_use(
        s, "SELECT (SELECT created_unix_ms FROM queue WHERE state = 1 ORDER BY id LIMIT 1), "
           "(SELECT min(lease_end_unix_ms) FROM queue WHERE lease_end_unix_ms IS NOT NULL), "
           "(SELECT q.created_unix_ms FROM key_use u JOIN queue q ON q.id = u.line_id "
           "WHERE u.line_rank IS NOT NULL ORDER BY u.line_rank, u.line_id LIMIT 1)");
    bool found = false;
    if (sql_row(q, &found, e) < 0)
        return -1;
    stats.oldest_queued_unix_ms = sql_int(q);
    stats.next_lease_end_unix_ms = sql_int(q);
    stats.first_in_line_unix_ms = sql_int(q);
    *ret = stats;
    return 0;
}
