/* callback.c - callbacks that are to be sent, and what became of them; worker (which makes them),
 * courier (which sends them), server (which shows them). callback.h has the invariants. */
#include "schema/callback.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "sandbox/base/buf.h"
#include "sandbox/base/cleanup.h"
#include "sandbox/base/clock.h"
#include "schema/inner.h"

static const char *const state_names[] = { [CALLBACK_NONE] = "none",
#define X(id, name) [CALLBACK_##id] = name,
                                           CALLBACK_STATES(X)
#undef X
};

const char *callback_state_name(enum callback_state s)
{
    return state_names[s <= CALLBACK_FAILED ? s : CALLBACK_NONE];
}

enum callback_state callback_state_from_name(const char *name)
{
    for (size_t i = CALLBACK_PENDING; i < ARRAY_COUNT(state_names); i++)
        if (strcmp(name, state_names[i]) == 0)
            return (enum callback_state)i;
    return CALLBACK_NONE;
}

void callback_done(struct callback *c)
{
    free(c->url);
    free(c->host);
    free(c->message);
    *c = (struct callback){ 0 };
}

void callbacks_free(struct callback *rows, size_t count)
{
    for (size_t i = 0; rows != NULL && i < count; i++)
        callback_done(&rows[i]);
    free(rows);
}

/* ---- making */

/* "HOST:PORT" of an absolute URL; limits per host count by it. */
static char *host_of(const char *url)
{
    const char *sep = strstr(url, "://");
    const char *host = sep != NULL ? sep + 3 : url;
    size_t len = strcspn(host, "/?#");
    const char *colon = memrchr(host, ':', len);
    const char *bracket = memrchr(host, ']', len);
    bool has_port = colon != NULL && (bracket == NULL || colon > bracket);
    const char *port = has_port ? "" : strncmp(url, "https:", 6) == 0 ? ":443" : ":80";
    return xasprintf("%.*s%s", (int)len, host, port);
}

int callback_insert(struct store *s, const char *id, int64_t seq, int64_t key_id, const char *url,
                    struct err *e)
{
    auto_free_ char *host = host_of(url);
    int64_t now_unix_ms = clock_unix_ms();
    auto_stmt_ struct stmt *q =
        sql_use(s, "INSERT INTO callback (id, seq, key_id, url, host, state, attempts, held, "
                   "created_unix_ms, since_unix_ms, due_unix_ms) "
                   "VALUES (?, ?, ?, ?, ?, 1, 0, 0, ?, ?, ?)");
    sql_bind_text(q, id);
    sql_bind_int(q, seq);
    sql_bind_int(q, key_id);
    sql_bind_text(q, url);
    sql_bind_text(q, host);
    sql_bind_int(q, now_unix_ms);
    sql_bind_int(q, now_unix_ms);
    sql_bind_int(q, now_unix_ms);
    return sql_run(q, e);
}

int callback_forget(struct store *s, const char *id, struct err *e)
{
    auto_stmt_ struct stmt *q = sql_use(s, "DELETE FROM callback WHERE id = ?");
    sql_bind_text(q, id);
    return sql_run(q, e);
}

/* ---- reading */

#define CALLBACK_COLUMNS                                                                           \
    "id, key_id, url, host, state, attempts, created_unix_ms, since_unix_ms, due_unix_ms, "        \
    "ended_unix_ms, http_status, message"

static struct callback read_row(struct stmt *q)
{
    struct callback c = { 0 };
    sql_id(q, c.id);
    c.key_id = sql_int(q);
    c.url = sql_text(q);
    c.host = sql_text(q);
    c.state = (enum callback_state)sql_int(q);
    c.attempts = sql_int(q);
    c.created_unix_ms = sql_int(q);
    c.since_unix_ms = sql_int(q);
    c.due_unix_ms = sql_int(q);
    c.ended_unix_ms = sql_int(q);
    c.http_status = sql_int(q);
    c.message = sql_text(q);
    return c;
}

static int read_one(struct stmt *q, struct callback *ret, bool *ret_found, struct err *e)
{
    if (sql_row(q, ret_found, e) < 0)
        return -1;
    if (*ret_found)
        *ret = read_row(q);
    return 0;
}

int callback_load(struct store *s, const char *id, struct callback *ret, bool *ret_found,
                  struct err *e)
{
    auto_stmt_ struct stmt *q =
        sql_use(s, "SELECT " CALLBACK_COLUMNS " FROM callback WHERE id = ?");
    sql_bind_text(q, id);
    return read_one(q, ret, ret_found, e);
}

int callback_list(struct store *s, const struct callback_filter *f, struct callback **ret,
                  size_t *ret_count, struct err *e)
{
    if (f->limit < 1 || f->limit > 1000)
        return err_input(e, "limit: expected 1 to 1000, got %lld", (long long)f->limit);
    auto_buf_ struct buf sql;
    buf_init(&sql, 0);
    buf_printf(&sql,
               "SELECT " CALLBACK_COLUMNS " FROM callback WHERE id < ?%s%s ORDER BY id DESC "
               "LIMIT ?",
               f->state != CALLBACK_NONE ? " AND state = ?" : "",
               f->key_id >= 0 ? " AND key_id = ?" : "");
    auto_stmt_ struct stmt *q = sql_use_once(s, buf_text(&sql));
    sql_bind_text(q, f->before_id != NULL ? f->before_id : "~");
    if (f->state != CALLBACK_NONE)
        sql_bind_int(q, f->state);
    if (f->key_id >= 0)
        sql_bind_int(q, f->key_id);
    sql_bind_int(q, f->limit);
    struct callback *rows = xcalloc((size_t)f->limit, sizeof *rows);
    size_t count = 0;
    bool found = false;
    while (sql_row(q, &found, e) == 0) {
        if (!found) {
            *ret = rows;
            *ret_count = count;
            return 0;
        }
        rows[count++] = read_row(q);
    }
    callbacks_free(rows, count);
    return -1;
}

int callback_counts(struct store *s, struct callback_counts *ret, struct err *e)
{
    auto_stmt_ struct stmt *q =
        sql_use(s, "SELECT (SELECT count(*) FROM callback WHERE state = 1), "
                   "(SELECT count(*) FROM callback WHERE state = 3)");
    bool found = false;
    if (sql_row(q, &found, e) < 0)
        return -1;
    ret->pending = sql_int(q);
    ret->failed = sql_int(q);
    return 0;
}

/* ---- sending */

int callback_next(struct store *s, int64_t *ret_unix_ms, struct err *e)
{
    auto_stmt_ struct stmt *q =
        sql_use(s, "SELECT due_unix_ms FROM callback WHERE state = 1 ORDER BY due_unix_ms LIMIT 1");
    bool found = false;
    if (sql_row(q, &found, e) < 0)
        return -1;
    *ret_unix_ms = found ? sql_int(q) : INT64_MAX;
    return 0;
}

/* Due, and not to a host that has as many as it may have. A clock that was set back makes rows due
 * late, by as much; one that was set forward early. */
static int find_due(struct store *s, const char *const *busy, size_t busy_count,
                    char ret_id[STORE_ID_BYTES], bool *ret_found, struct err *e)
{
    auto_buf_ struct buf sql;
    buf_init(&sql, 0);
    buf_puts(&sql, "SELECT id FROM callback WHERE state = 1 AND due_unix_ms <= ?");
    for (size_t i = 0; i < busy_count; i++)
        buf_puts(&sql, i == 0 ? " AND host NOT IN (?" : ", ?");
    buf_puts(&sql,
             busy_count > 0 ? ") ORDER BY due_unix_ms LIMIT 1" : " ORDER BY due_unix_ms LIMIT 1");
    auto_stmt_ struct stmt *q = sql_use_once(s, buf_text(&sql));
    sql_bind_int(q, clock_unix_ms());
    for (size_t i = 0; i < busy_count; i++)
        sql_bind_text(q, busy[i]);
    if (sql_row(q, ret_found, e) < 0)
        return -1;
    if (*ret_found)
        sql_id(q, ret_id);
    return 0;
}

int callback_take(struct store *s, int64_t hold_ms, const char *const *busy, size_t busy_count,
                  struct callback *ret, bool *ret_found, struct err *e)
{
    auto_tx_ struct tx t = { 0 };
    char id[STORE_ID_BYTES];
    if (find_due(s, busy, busy_count, id, ret_found, e) < 0)
        return -1;
    if (!*ret_found) /* the usual answer, without the write lock */
        return 0;
    if (tx_begin(&t, s, STORE_RELAXED, e) < 0)
        return -1;
    struct callback c = { 0 };
    {
        auto_stmt_ struct stmt *q =
            sql_use(s, "UPDATE callback SET attempts = attempts + 1, held = 1, due_unix_ms = ? "
                       "WHERE id = ? AND state = 1 RETURNING " CALLBACK_COLUMNS);
        sql_bind_int(q, clock_unix_ms() + hold_ms);
        sql_bind_text(q, id);
        if (read_one(q, &c, ret_found, e) < 0)
            return -1;
    }
    if (tx_commit(&t, e) < 0) {
        callback_done(&c);
        return -1;
    }
    *ret = c;
    return 0;
}

/* What a try changes. */
struct change {
    enum callback_state state;
    int64_t due_unix_ms, ended_unix_ms, http_status;
    const char *message;
};

static int write_change(struct store *s, const char *id, int64_t attempt, const struct change *c,
                        struct err *e)
{
    auto_tx_ struct tx t = { 0 };
    if (tx_begin(&t, s, STORE_RELAXED, e) < 0)
        return -1;
    auto_stmt_ struct stmt *q =
        sql_use(s, "UPDATE callback SET state = ?, held = 0, due_unix_ms = ?, ended_unix_ms = ?, "
                   "http_status = ?, message = ? WHERE id = ? AND attempts = ? AND held = 1");
    sql_bind_int(q, c->state);
    sql_bind_int(q, c->due_unix_ms);
    sql_bind_int_or_null(q, c->ended_unix_ms);
    sql_bind_int_or_null(q, c->http_status);
    sql_bind_text(q, c->message);
    sql_bind_text(q, id);
    sql_bind_int(q, attempt);
    if (sql_run(q, e) < 0)
        return -1;
    return tx_commit(&t, e);
}

int callback_sent(struct store *s, const char *id, int64_t attempt, int64_t http_status,
                  struct err *e)
{
    int64_t now_unix_ms = clock_unix_ms();
    const struct change c = { CALLBACK_DELIVERED, now_unix_ms, now_unix_ms, http_status, NULL };
    return write_change(s, id, attempt, &c, e);
}

int callback_retry(struct store *s, const char *id, int64_t attempt, int64_t due_unix_ms,
                   int64_t http_status, const char *message, struct err *e)
{
    const struct change c = { CALLBACK_PENDING, due_unix_ms, 0, http_status, message };
    return write_change(s, id, attempt, &c, e);
}

int callback_failed(struct store *s, const char *id, int64_t attempt, int64_t http_status,
                    const char *message, struct err *e)
{
    int64_t now_unix_ms = clock_unix_ms();
    const struct change c = { CALLBACK_FAILED, now_unix_ms, now_unix_ms, http_status, message };
    return write_change(s, id, attempt, &c, e);
}

int callback_put_back(struct store *s, const char *id, int64_t attempt, struct err *e)
{
    auto_tx_ struct tx t = { 0 };
    if (tx_begin(&t, s, STORE_RELAXED, e) < 0)
        return -1;
    auto_stmt_ struct stmt *q =
        sql_use(s, "UPDATE callback SET held = 0, attempts = attempts - 1, due_unix_ms = ? "
                   "WHERE id = ? AND attempts = ? AND held = 1 AND state = 1");
    sql_bind_int(q, clock_unix_ms());
    sql_bind_text(q, id);
    sql_bind_int(q, attempt);
    if (sql_run(q, e) < 0)
        return -1;
    return tx_commit(&t, e);
}

int callback_recover(struct store *s, int64_t *ret_count, struct err *e)
{
    auto_tx_ struct tx t = { 0 };
    if (tx_begin(&t, s, STORE_RELAXED, e) < 0)
        return -1;
    auto_stmt_ struct stmt *q = sql_use(s, "UPDATE callback SET held = 0, due_unix_ms = ? "
                                           "WHERE state = 1 AND held = 1");
    sql_bind_int(q, clock_unix_ms());
    if (sql_run(q, e) < 0)
        return -1;
    *ret_count = sql_changes(s);
    return tx_commit(&t, e);
}

int callback_again(struct store *s, const char *id, bool *ret_found, struct err *e)
{
    auto_tx_ struct tx t = { 0 };
    if (tx_begin(&t, s, STORE_DURABLE, e) < 0)
        return -1;
    auto_stmt_ struct stmt *q =
        sql_use(s, "UPDATE callback SET state = 1, attempts = 0, held = 0, since_unix_ms = ?1, "
                   "due_unix_ms = ?1, ended_unix_ms = NULL WHERE id = ?2");
    sql_bind_int(q, clock_unix_ms());
    sql_bind_text(q, id);
    if (sql_run(q, e) < 0)
        return -1;
    *ret_found = sql_changes(s) == 1;
    return tx_commit(&t, e);
}

/* ---- secrets */

static void read_secret(struct stmt *q, uint8_t ret[CALLBACK_SECRET_BYTES])
{
    size_t len = 0;
    const void *bytes = sql_bytes(q, &len);
    if (len == CALLBACK_SECRET_BYTES)
        memcpy(ret, bytes, len);
}

int callback_secrets_load(struct store *s, int64_t key_id, struct callback_secrets *ret,
                          struct err *e)
{
    auto_stmt_ struct stmt *q =
        sql_use(s, "SELECT secret, created_unix_ms, previous, previous_end_unix_ms "
                   "FROM callback_secret WHERE key_id = ?");
    sql_bind_int(q, key_id);
    *ret = (struct callback_secrets){ 0 };
    if (sql_row(q, &ret->found, e) < 0)
        return -1;
    if (!ret->found)
        return 0;
    read_secret(q, ret->current);
    ret->created_unix_ms = sql_int(q);
    read_secret(q, ret->previous);
    ret->previous_end_unix_ms = sql_int(q);
    if (ret->previous_end_unix_ms <= clock_unix_ms())
        ret->previous_end_unix_ms = 0;
    return 0;
}

static int write_secrets(struct store *s, int64_t key_id, const struct callback_secrets *c,
                         struct err *e)
{
    auto_stmt_ struct stmt *q =
        sql_use(s, "INSERT INTO callback_secret (key_id, secret, created_unix_ms, previous, "
                   "previous_end_unix_ms) VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (key_id) DO "
                   "UPDATE SET secret = ?2, created_unix_ms = ?3, previous = ?4, "
                   "previous_end_unix_ms = ?5");
    bool has_previous = c->previous_end_unix_ms != 0;
    sql_bind_int(q, key_id);
    sql_bind_blob(q, c->current, sizeof c->current);
    sql_bind_int(q, c->created_unix_ms);
    if (has_previous)
        sql_bind_blob(q, c->previous, sizeof c->previous);
    else
        sql_bind_null(q);
    sql_bind_int_or_null(q, c->previous_end_unix_ms);
    return sql_run(q, e);
}

int callback_secret_new(struct store *s, int64_t key_id, int64_t grace_ms,
                        struct callback_secrets *ret, struct err *e)
{
    auto_tx_ struct tx t = { 0 };
    struct callback_secrets old, made = { .found = true, .created_unix_ms = clock_unix_ms() };
    if (tx_begin(&t, s, STORE_DURABLE, e) < 0 || callback_secrets_load(s, key_id, &old, e) < 0)
        return -1;
    if (getrandom(made.current, sizeof made.current, 0) != (ssize_t)sizeof made.current)
        return err_sys(e, "getrandom");
    if (old.found && grace_ms > 0) {
        memcpy(made.previous, old.current, sizeof made.previous);
        made.previous_end_unix_ms = made.created_unix_ms + grace_ms;
    }
    if (write_secrets(s, key_id, &made, e) < 0 || tx_commit(&t, e) < 0)
        return -1;
    *ret = made;
    return 0;
}
