/*
 * move.c - the moves of a submission and the counters that go with them; server and worker. The
 * invariants are in queue.c.
 */
#include <string.h>

#include "sandbox/base/cleanup.h"
#include "sandbox/base/clock.h"
#include "schema/inner.h"

/* ---- counters and moves */

int counter_add(struct store *s, int64_t id, int64_t by, struct err *e)
{
    auto_stmt_ struct stmt *q = sql_use(s, "INSERT INTO counter (id, value) VALUES (?1, ?2) "
                                           "ON CONFLICT (id) DO UPDATE SET value = value + ?2");
    sql_bind_int(q, id);
    sql_bind_int(q, by);
    return sql_run(q, e);
}

int counter_get(struct store *s, int64_t id, int64_t *ret, struct err *e)
{
    auto_stmt_ struct stmt *q = sql_use(s, "SELECT value FROM counter WHERE id = ?");
    sql_bind_int(q, id);
    bool found = false;
    if (sql_row(q, &found, e) < 0)
        return -1;
    *ret = found ? sql_int(q) : 0;
    return 0;
}

/* The counter of the queue's rows in a state; 0: the state has no row there. */
static int64_t counter_of(enum submission_state state)
{
    switch (state) {
    case SUBMISSION_QUEUED:
        return COUNTER_QUEUED;
    case SUBMISSION_CLAIMED:
    case SUBMISSION_COMPILING:
    case SUBMISSION_RUNNING:
        return COUNTER_HELD;
    case SUBMISSION_NONE:
    case SUBMISSION_DONE:
    case SUBMISSION_CANCELLED:
        return 0;
    }
    return 0;
}

static bool may_move(enum submission_state from, enum submission_state to)
{
    static const struct {
        enum submission_state from, to;
    } moves[] = {
#define MOVE(from, to, function, why) { SUBMISSION_##from, SUBMISSION_##to },
#include "schema/states.def"
#undef MOVE
    };
    for (size_t i = 0; i < ARRAY_COUNT(moves); i++) {
        if (moves[i].from == from && moves[i].to == to)
            return true;
    }
    return false;
}

bool move_is_held(enum submission_state state)
{
    return counter_of(state) == COUNTER_HELD;
}

/* Every move passes here: is it allowed, and the counters. The row is the caller's. */
int move_note(struct store *s, const struct live *l, enum submission_state to, struct err *e)
{
    if (!may_move(l->state, to))
        return err_bug(e, "a submission cannot go from %s to %s", submission_state_name(l->state),
                       submission_state_name(to));
    int64_t less = counter_of(l->state), more = counter_of(to);
    int64_t bytes = less == COUNTER_QUEUED ? -l->bytes : more == COUNTER_QUEUED ? l->bytes : 0;
    if (less == more)
        return 0;
    if ((less != 0 && counter_add(s, less, -1, e) < 0) ||
        (bytes != 0 && counter_add(s, COUNTER_QUEUED_BYTES, bytes, e) < 0))
        return -1;
    return more != 0 ? counter_add(s, more, 1, e) : 0;
}

/* ---- one row of the queue */

/* Step `q`, a SELECT of LIVE_COLUMNS. */
int move_read(struct stmt *q, struct live *ret, bool *ret_found, struct err *e)
{
    if (sql_row(q, ret_found, e) < 0)
        return -1;
    if (!*ret_found)
        return 0;
    sql_id(q, ret->id);
    ret->seq = sql_int(q);
    ret->state = (enum submission_state)sql_int(q);
    ret->attempts = sql_int(q);
    ret->started_unix_ms = sql_int(q);
    ret->created_unix_ms = sql_int(q);
    ret->rank = sql_int(q);
    ret->key_id = sql_int(q);
    ret->bytes = sql_int(q);
    return 0;
}

/* Invariant 3 is this statement. */
int move_find_held(struct store *s, const struct claim *c, struct live *ret, bool *ret_mine,
                   struct err *e)
{
    auto_stmt_ struct stmt *q =
        sql_use(s, "SELECT " LIVE_COLUMNS " FROM queue "
                   "WHERE id = ? AND fence = ? AND lease_end_unix_ms IS NOT NULL");
    sql_bind_text(q, c->id);
    sql_bind_int(q, c->fence);
    return move_read(q, ret, ret_mine, e);
}

static int delete_row(struct store *s, const struct live *l, struct err *e)
{
    auto_stmt_ struct stmt *q = sql_use(s, "DELETE FROM queue WHERE id = ?");
    sql_bind_text(q, l->id);
    return sql_run(q, e);
}

/* What cells ran under is the same for all but a few: one blob that many refer to, and this
 * connection remembers which. */
static int put_isolation(struct store *s, const char *json, int64_t *ret_row, struct err *e)
{
    struct blob b = s->isolation;
    uint8_t sha256[STORE_SHA256_BYTES];
    bool found = false;
    *ret_row = 0;
    if (json == NULL)
        return 0;
    store_sha256(json, strlen(json), sha256);
    if (b.present && memcmp(b.sha256, sha256, sizeof sha256) == 0 &&
        blob_ref_row(s, &b, &found, e) < 0)
        return -1;
    if (!found && (blob_put(s, json, strlen(json), &b, e) < 0 || blob_ref(s, &b, &b.row, e) < 0))
        return -1;
    *ret_row = b.row;
    s->isolation = b; /* if this is rolled back the row is not found, or another's */
    return 0;
}

static void bind_phases(struct stmt *q, const struct phases *p)
{
    const int64_t values[] = { p != NULL ? p->prepare_ns : 0, p != NULL ? p->compile_ns : 0,
                               p != NULL ? p->run_ns : 0, p != NULL ? p->collect_ns : 0 };
    for (size_t i = 0; i < ARRAY_COUNT(values); i++) {
        if (p != NULL)
            sql_bind_int(q, values[i]);
        else
            sql_bind_null(q);
    }
}

static int write_end(struct store *s, const struct live *l, const struct end *end, struct err *e)
{
    int64_t isolation = 0;
    if (put_isolation(s, end->isolation_json, &isolation, e) < 0)
        return -1;
    auto_stmt_ struct stmt *q =
        sql_use(s, "UPDATE submission SET state = ?, verdict = ?, started_unix_ms = ?, "
                   "finished_unix_ms = ?, attempts = ?, message = ?, isolation_blob = ?, "
                   "prepare_ns = ?, compile_ns = ?, run_ns = ?, collect_ns = ? "
                   "WHERE seq = ? RETURNING key_id, callback_url");
    sql_bind_int(q, end->state);
    sql_bind_int(q, end->verdict);
    sql_bind_int_or_null(q, l->started_unix_ms);
    sql_bind_int(q, clock_unix_ms());
    sql_bind_int(q, l->attempts);
    sql_bind_text(q, end->message);
    sql_bind_int_or_null(q, isolation);
    bind_phases(q, end->phases);
    sql_bind_int(q, l->seq);
    bool found = false;
    if (sql_row(q, &found, e) < 0)
        return -1;
    if (!found)
        return err_bug(e, "submission %s is in the queue and not there", l->id);
    int64_t key_id = sql_int(q);
    auto_free_ char *url = sql_text(q);
    if (counter_add(s, COUNTER_ENDED, 1, e) < 0 || counter_add(s, COUNTER_KEY + key_id, 1, e) < 0)
        return -1;
    return url == NULL ? 0 : callback_insert(s, l->id, l->seq, key_id, url, e);
}

/* What its key is charged for the attempt that ends now. One that is cancelled while a test runs
 * has no record of it: the time that it held its slot stands in for it. */
static int cpu_of(struct store *s, const struct live *l, enum submission_state to, int64_t *ret,
                  struct err *e)
{
    *ret = 0;
    if (!move_is_held(l->state))
        return 0;
    if (result_cpu_ns(s, l->seq, ret, e) < 0)
        return -1;
    int64_t held_ns = (clock_unix_ms() - l->started_unix_ms) * NS_PER_MS;
    if (to == SUBMISSION_CANCELLED && held_ns > *ret)
        *ret = held_ns;
    return 0;
}

/* The one place where submissions end (invariant 2). */
int move_end(struct store *s, const struct live *l, const struct end *end, struct err *e)
{
    int64_t cpu_ns = 0;
    if (move_note(s, l, end->state, e) < 0 || cpu_of(s, l, end->state, &cpu_ns, e) < 0 ||
        counter_add(s, COUNTER_VERDICT + (int64_t)end->verdict, 1, e) < 0 ||
        write_end(s, l, end, e) < 0 || delete_row(s, l, e) < 0)
        return -1;
    return line_moved(s, l, l->state, end->state, cpu_ns, e);
}

static int put_back(struct store *s, const struct live *l, struct err *e)
{
    int64_t cpu_ns = 0;
    if (move_note(s, l, SUBMISSION_QUEUED, e) < 0 ||
        cpu_of(s, l, SUBMISSION_QUEUED, &cpu_ns, e) < 0 || result_forget(s, l->seq, e) < 0)
        return -1;
    auto_stmt_ struct stmt *q = sql_use(s, "UPDATE queue SET state = ?, started_unix_ms = NULL, "
                                           "lease_end_unix_ms = NULL, owner = NULL WHERE id = ?");
    sql_bind_int(q, SUBMISSION_QUEUED);
    sql_bind_text(q, l->id);
    if (sql_run(q, e) < 0)
        return -1;
    return line_moved(s, l, l->state, SUBMISSION_QUEUED, cpu_ns, e);
}

/* Back to the queue, or, with its attempts used up, to its end (invariant 5). */
int move_put_back_or_end(struct store *s, struct live *l, int64_t attempts_max, const char *message,
                         struct err *e)
{
    if (l->state != SUBMISSION_QUEUED) {
        if (put_back(s, l, e) < 0)
            return -1;
        l->state = SUBMISSION_QUEUED;
    }
    if (l->attempts < attempts_max)
        return 0;
    const struct end end = { .state = SUBMISSION_DONE,
                             .verdict = VERDICT_INTERNAL_ERROR,
                             .message = message };
    return move_end(s, l, &end, e);
}
