/*
 * line.c - who is next: fair turns among API keys, and what each has waiting, running and used;
 * server (accept, cancel, quotas) and worker slots.
 *
 * Each key has its own queue, by rank (queue.c); of its submissions the first alone stands in the
 * line that claims are taken from, and only when that one was taken does the next take its place
 * behind those who stand there already. So turns go round among the keys that have work waiting,
 * and a key's hundred thousand submissions are to another key as one.
 *
 *   1. At most one submission of a key is in line, and it is the first of its queue.
 *   2. A key with waiting submissions is in line, unless it holds as many as its concurrent_count,
 *      or has used its cpu_seconds_per_hour; then it has no place, and, for the latter,
 *      ready_unix_ms says when to look again.
 *   3. Its place is line_rank: the rank of the submission itself, but not before the moment it
 *      came to be the first, less a minute a point of priority above 0. The place is fixed then:
 *      waiting in line ages all alike. A priority below 0 is in the rank: what has waited that off
 *      takes turns with the rest.
 *   4. A submission that comes before the one in line takes its place over, and loses nothing.
 *   5. The counts and the line move in the transaction that moves the row. They can be made anew
 *      from `queue` at any time (line_renew).
 *
 * Cpu time. Of the current hour and the one before is kept how much was used; the last sixty
 * minutes are taken as the one plus the other's share that lies in them. It is charged when an
 * attempt ends, so a key may go over by what it runs at once.
 *
 * A claim and an accept take a fixed number of steps into indexes, whatever waits.
 */
#include <stdlib.h>
#include <string.h>

#include "sandbox/base/buf.h"
#include "sandbox/base/cleanup.h"
#include "sandbox/base/clock.h"
#include "schema/inner.h"

enum {
    MS_PER_HOUR = 3600 * 1000,
    RENEW_BATCH = 64, /* keys that one transaction puts back in line */
    REST_LONGEST_MS = 2 * MS_PER_HOUR,
};

/* ---- rows of key_use */

#define USE_COLUMNS                                                                                \
    "key_id, queued_count, queued_bytes, held_count, cpu_hour, cpu_ns, cpu_before_ns, "            \
    "cpu_total_ns, line_rank, line_id, ready_unix_ms"

static void read_use(struct stmt *q, struct use *ret)
{
    ret->key_id = sql_int(q);
    ret->queued_count = sql_int(q);
    ret->queued_bytes = sql_int(q);
    ret->held_count = sql_int(q);
    ret->cpu_hour = sql_int(q);
    ret->cpu_ns = sql_int(q);
    ret->cpu_before_ns = sql_int(q);
    ret->cpu_total_ns = sql_int(q);
    ret->line_rank = sql_int(q);
    ret->in_line = sql_id(q, ret->line_id);
    ret->ready_unix_ms = sql_int(q);
}

int line_load(struct store *s, int64_t key_id, struct use *ret, struct err *e)
{
    auto_stmt_ struct stmt *q = sql_use(s, "SELECT " USE_COLUMNS " FROM key_use WHERE key_id = ?");
    sql_bind_int(q, key_id);
    bool found = false;
    *ret = (struct use){ .key_id = key_id };
    if (sql_row(q, &found, e) < 0)
        return -1;
    if (found)
        read_use(q, ret);
    return 0;
}

static int store_use(struct store *s, const struct use *u, struct err *e)
{
    auto_stmt_ struct stmt *q = sql_use(s, "INSERT OR REPLACE INTO key_use (" USE_COLUMNS ") "
                                           "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
    sql_bind_int(q, u->key_id);
    sql_bind_int(q, u->queued_count);
    sql_bind_int(q, u->queued_bytes);
    sql_bind_int(q, u->held_count);
    sql_bind_int(q, u->cpu_hour);
    sql_bind_int(q, u->cpu_ns);
    sql_bind_int(q, u->cpu_before_ns);
    sql_bind_int(q, u->cpu_total_ns);
    if (u->in_line)
        sql_bind_int(q, u->line_rank);
    else
        sql_bind_null(q);
    sql_bind_text(q, u->in_line ? u->line_id : NULL);
    sql_bind_int_or_null(q, u->ready_unix_ms);
    return sql_run(q, e);
}

/* The counts alone: no index has to be changed. */
static int store_counts(struct store *s, const struct use *u, struct err *e)
{
    auto_stmt_ struct stmt *q =
        sql_use(s, "UPDATE key_use SET queued_count = ?, queued_bytes = ?, held_count = ?, "
                   "cpu_hour = ?, cpu_ns = ?, cpu_before_ns = ?, cpu_total_ns = ? "
                   "WHERE key_id = ?");
    sql_bind_int(q, u->queued_count);
    sql_bind_int(q, u->queued_bytes);
    sql_bind_int(q, u->held_count);
    sql_bind_int(q, u->cpu_hour);
    sql_bind_int(q, u->cpu_ns);
    sql_bind_int(q, u->cpu_before_ns);
    sql_bind_int(q, u->cpu_total_ns);
    sql_bind_int(q, u->key_id);
    return sql_run(q, e);
}

/* ---- cpu time */

/* Bring the two hours up to now. A clock that was set back keeps what was used. */
static void turn_hour(struct use *u, int64_t now_unix_ms)
{
    int64_t hour = now_unix_ms / MS_PER_HOUR;
    if (hour > u->cpu_hour) {
        u->cpu_before_ns = hour == u->cpu_hour + 1 ? u->cpu_ns : 0;
        u->cpu_ns = 0;
    }
    u->cpu_hour = hour;
}

int64_t line_cpu_ns(const struct use *u, int64_t now_unix_ms)
{
    struct use v = *u;
    turn_hour(&v, now_unix_ms);
    int64_t left_ms = MS_PER_HOUR - now_unix_ms % MS_PER_HOUR;
    return v.cpu_ns + v.cpu_before_ns / MS_PER_HOUR * left_ms;
}

/* In how long `before_ns`, which fades over an hour from `left_ms` before its end, is below
 * `room_ns`. */
static int64_t fade_ms(int64_t before_ns, int64_t left_ms, int64_t room_ns)
{
    int64_t per_ms = before_ns / MS_PER_HOUR + 1;
    int64_t until_ms = left_ms - room_ns / per_ms;
    return until_ms > 0 ? until_ms : 0;
}

int64_t line_cpu_wait_ms(const struct use *u, int64_t quota_s, int64_t now_unix_ms)
{
    struct use v = *u;
    int64_t quota_ns = quota_s * NS_PER_S;
    int64_t left_ms = MS_PER_HOUR - now_unix_ms % MS_PER_HOUR;
    turn_hour(&v, now_unix_ms);
    if (quota_s == 0 || line_cpu_ns(u, now_unix_ms) < quota_ns)
        return 0;
    if (v.cpu_ns < quota_ns)
        return fade_ms(v.cpu_before_ns, left_ms, quota_ns - v.cpu_ns) + 1;
    return left_ms + fade_ms(v.cpu_ns, MS_PER_HOUR, quota_ns) + 1;
}

/* ---- quotas */

#define QUOTA(id, name, kind, min, max, def, help) ", " #name
static const char quotas_sql[] = "SELECT id"
#include "sandbox/base/quotas.def"
                                 " FROM api_key WHERE id = ?";
#undef QUOTA

int line_quotas(struct store *s, int64_t key_id, struct quotas *ret, struct err *e)
{
    struct quotas own = quotas_unset();
    bool found = false;
    auto_stmt_ struct stmt *q = sql_use(s, quotas_sql);
    sql_bind_int(q, key_id);
    if (sql_row(q, &found, e) < 0)
        return -1;
    if (found) {
        sql_int(q);
        key_read_quotas(q, &own);
    }
    *ret = quotas_resolve(&own, &s->quotas);
    return 0;
}

/* ---- places */

/* The first of a key's queue. */
static int find_head(struct store *s, int64_t key_id, struct live *ret, bool *ret_found,
                     struct err *e)
{
    auto_stmt_ struct stmt *q = sql_use(s, "SELECT " LIVE_COLUMNS " FROM queue "
                                           "WHERE state = 1 AND key_id = ? "
                                           "ORDER BY rank, id LIMIT 1");
    sql_bind_int(q, key_id);
    return move_read(q, ret, ret_found, e);
}

/* Invariant 3. `u` has the place that the key had until now. */
static int64_t place_of(const struct use *u, const struct live *head, bool came,
                        int64_t now_unix_ms)
{
    int64_t ahead_ms = head->created_unix_ms - head->rank; /* its priority */
    int64_t soonest = now_unix_ms - (ahead_ms > 0 ? ahead_ms : 0);
    if (came) {
        int64_t rank = head->rank > soonest ? head->rank : soonest;
        return u->in_line && u->line_rank < rank ? u->line_rank : rank;
    }
    if (u->in_line && u->line_rank > soonest)
        soonest = u->line_rank; /* many turns in one ms */
    return head->rank > soonest ? head->rank : soonest + 1;
}

/* Put the key's first in line, or take the key out. `came`: the one in line is still waiting. */
static int place(struct store *s, struct use *u, bool came, struct err *e)
{
    struct quotas quotas;
    struct live head;
    bool found = false;
    int64_t now_unix_ms = clock_unix_ms();
    u->ready_unix_ms = 0;
    if (find_head(s, u->key_id, &head, &found, e) < 0 || line_quotas(s, u->key_id, &quotas, e) < 0)
        return -1;
    int64_t most = quotas.concurrent_count;
    int64_t wait_ms = line_cpu_wait_ms(u, quotas.cpu_seconds_per_hour, now_unix_ms);
    if (!found || (most > 0 && u->held_count >= most) || wait_ms > 0) {
        u->in_line = false;
        u->ready_unix_ms = found && wait_ms > 0 ? now_unix_ms + wait_ms : 0;
        return 0;
    }
    if (u->in_line && strcmp(u->line_id, head.id) == 0)
        return 0;
    u->line_rank = place_of(u, &head, came, now_unix_ms);
    u->in_line = true;
    memcpy(u->line_id, head.id, STORE_ID_BYTES);
    return 0;
}

static void count(struct use *u, const struct live *l, enum submission_state state, int64_t by)
{
    if (state == SUBMISSION_QUEUED) {
        u->queued_count += by;
        u->queued_bytes += by * l->bytes;
    } else if (move_is_held(state)) {
        u->held_count += by;
    }
}

/* Whether the key's place stays as it is after a move to `to`. */
static int is_settled(struct store *s, const struct use *u, const struct live *l,
                      enum submission_state from, enum submission_state to, bool *ret,
                      struct err *e)
{
    struct quotas quotas = { 0 };
    *ret = false;
    if (!u->in_line || strcmp(u->line_id, l->id) == 0)
        return 0;
    if (move_is_held(from) && line_quotas(s, u->key_id, &quotas, e) < 0)
        return -1;
    bool rests = line_cpu_wait_ms(u, quotas.cpu_seconds_per_hour, clock_unix_ms()) > 0;
    *ret = !rests && (to != SUBMISSION_QUEUED || l->rank >= u->line_rank);
    return 0;
}

int line_moved(struct store *s, const struct live *l, enum submission_state from,
               enum submission_state to, int64_t cpu_ns, struct err *e)
{
    struct use u;
    bool settled = false;
    if (line_load(s, l->key_id, &u, e) < 0)
        return -1;
    count(&u, l, from, -1);
    count(&u, l, to, 1);
    turn_hour(&u, clock_unix_ms());
    u.cpu_ns += cpu_ns;
    u.cpu_total_ns += cpu_ns;
    if (is_settled(s, &u, l, from, to, &settled, e) < 0)
        return -1;
    if (settled)
        return store_counts(s, &u, e);
    return place(s, &u, to == SUBMISSION_QUEUED, e) < 0 ? -1 : store_use(s, &u, e);
}

int line_renew(struct store *s, int64_t key_id, struct err *e)
{
    struct use u;
    if (line_load(s, key_id, &u, e) < 0)
        return -1;
    u.in_line = u.in_line && u.ready_unix_ms == 0;
    return place(s, &u, true, e) < 0 ? -1 : store_use(s, &u, e);
}

/* Who is first in line, and whether that one does wait. */
static int read_first(struct store *s, int64_t *ret_key_id, struct live *ret, bool *ret_found,
                      bool *ret_waits, struct err *e)
{
    auto_stmt_ struct stmt *q =
        sql_use(s, "SELECT key_id, line_id FROM key_use WHERE line_rank IS NOT NULL "
                   "ORDER BY line_rank, line_id LIMIT 1");
    char id[STORE_ID_BYTES];
    if (sql_row(q, ret_found, e) < 0)
        return -1;
    if (!*ret_found)
        return 0;
    *ret_key_id = sql_int(q);
    sql_id(q, id);
    auto_stmt_ struct stmt *row =
        sql_use(s, "SELECT " LIVE_COLUMNS " FROM queue WHERE id = ? AND state = 1");
    sql_bind_text(row, id);
    return move_read(row, ret, ret_waits, e);
}

int line_first(struct store *s, struct live *ret, bool *ret_found, struct err *e)
{
    for (int i = 0; i < RENEW_BATCH; i++) {
        int64_t key_id = 0;
        bool waits = false;
        if (read_first(s, &key_id, ret, ret_found, &waits, e) < 0)
            return -1;
        if (!*ret_found || waits)
            return 0;
        if (line_renew(s, key_id, e) < 0) /* invariant 1 did not hold: made anew */
            return -1;
    }
    return err_bug(e, "the line names submissions that do not wait");
}

/* ---- those that rest */

#define RESTED "(ready_unix_ms <= ?1 OR ready_unix_ms > ?1 + ?2)"

static void bind_rested(struct stmt *q)
{
    sql_bind_int(q, clock_unix_ms());
    sql_bind_int(q, REST_LONGEST_MS + MS_PER_HOUR); /* beyond: the clock was set back */
}

int line_look(struct store *s, bool *ret_waiting, bool *ret_rested, struct err *e)
{
    auto_stmt_ struct stmt *q =
        sql_use(s, "SELECT EXISTS (SELECT 1 FROM key_use INDEXED BY key_resting WHERE "
                   "ready_unix_ms IS NOT NULL AND " RESTED "), "
                   "EXISTS (SELECT 1 FROM key_use WHERE line_rank IS NOT NULL)");
    bool found = false;
    bind_rested(q);
    if (sql_row(q, &found, e) < 0)
        return -1;
    *ret_rested = sql_int(q) != 0;
    *ret_waiting = sql_int(q) != 0;
    return 0;
}

/* Up to RENEW_BATCH key ids that the statement selects. */
static int read_keys(struct stmt *q, int64_t *keys, size_t *ret_count, struct err *e)
{
    bool found = true;
    *ret_count = 0;
    while (*ret_count < RENEW_BATCH) {
        if (sql_row(q, &found, e) < 0)
            return -1;
        if (!found)
            break;
        keys[(*ret_count)++] = sql_int(q);
    }
    return 0;
}

static int renew_all(struct store *s, const int64_t *keys, size_t key_count, struct err *e)
{
    for (size_t i = 0; i < key_count; i++)
        if (line_renew(s, keys[i], e) < 0)
            return -1;
    return 0;
}

static int find_rested(struct store *s, int64_t *keys, size_t *ret_count, struct err *e)
{
    auto_stmt_ struct stmt *q =
        sql_use(s, "SELECT key_id FROM key_use INDEXED BY key_resting WHERE "
                   "ready_unix_ms IS NOT NULL AND " RESTED);
    bind_rested(q);
    return read_keys(q, keys, ret_count, e);
}

int line_wake(struct store *s, struct err *e)
{
    auto_tx_ struct tx t = { 0 };
    int64_t keys[RENEW_BATCH];
    size_t key_count = 0;
    if (tx_begin(&t, s, STORE_RELAXED, e) < 0 || find_rested(s, keys, &key_count, e) < 0 ||
        renew_all(s, keys, key_count, e) < 0)
        return -1;
    return tx_commit(&t, e);
}

static int find_waiting(struct store *s, int64_t above, int64_t *keys, size_t *ret_count,
                        struct err *e)
{
    auto_stmt_ struct stmt *q = sql_use(s, "SELECT key_id FROM key_use "
                                           "WHERE key_id > ? AND queued_count > 0 ORDER BY key_id");
    sql_bind_int(q, above);
    return read_keys(q, keys, ret_count, e);
}

void store_set_quotas(struct store *s, const struct quotas *defaults)
{
    s->quotas = *defaults;
}

int queue_set_quotas(struct store *s, const struct quotas *defaults, struct err *e)
{
    int64_t keys[RENEW_BATCH], above = -1;
    size_t key_count = RENEW_BATCH;
    s->quotas = *defaults;
    while (key_count == RENEW_BATCH) {
        auto_tx_ struct tx t = { 0 };
        if (tx_begin(&t, s, STORE_RELAXED, e) < 0 ||
            find_waiting(s, above, keys, &key_count, e) < 0 ||
            renew_all(s, keys, key_count, e) < 0 || tx_commit(&t, e) < 0)
            return -1;
        if (key_count > 0)
            above = keys[key_count - 1];
    }
    return 0;
}

/* ---- for people */

static int shown(struct store *s, const struct use *u, struct key_use *ret, struct err *e)
{
    struct quotas quotas;
    int64_t now_unix_ms = clock_unix_ms();
    if (line_quotas(s, u->key_id, &quotas, e) < 0)
        return -1;
    *ret = (struct key_use){
        .key_id = u->key_id,
        .queued_count = u->queued_count,
        .queued_bytes = u->queued_bytes,
        .running_count = u->held_count,
        .cpu_hour_ns = line_cpu_ns(u, now_unix_ms),
        .cpu_total_ns = u->cpu_total_ns,
        .cpu_wait_ms = line_cpu_wait_ms(u, quotas.cpu_seconds_per_hour, now_unix_ms),
    };
    return 0;
}

int key_use_get(struct store *s, int64_t key_id, struct key_use *ret, struct err *e)
{
    struct use u;
    return line_load(s, key_id, &u, e) < 0 ? -1 : shown(s, &u, ret, e);
}

int key_use_list(struct store *s, struct key_use **ret, size_t *ret_count, struct err *e)
{
    auto_tx_ struct tx t = { 0 };
    auto_free_ struct key_use *list = NULL;
    size_t length = 0;
    bool found = true;
    if (tx_begin_read(&t, s, e) < 0)
        return -1;
    auto_stmt_ struct stmt *q = sql_use(s, "SELECT " USE_COLUMNS " FROM key_use ORDER BY key_id");
    while (sql_row(q, &found, e) == 0) {
        struct use u;
        if (!found) {
            *ret = take_ptr(&list);
            *ret_count = length;
            return 0;
        }
        read_use(q, &u);
        list = xrealloc(list, (length + 1) * sizeof *list);
        if (shown(s, &u, &list[length++], e) < 0)
            return -1;
    }
    return -1;
}
