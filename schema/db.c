/* db.c - prepared statements, error mapping and transactions over SQLite; server and worker. */
#include "schema/db.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sandbox/base/buf.h"

/* ---- errors */

static const char *mend(int rc)
{
    switch (rc & 0xff) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return " (the database is damaged: stop the service and restore a backup, see "
               "docs/STORE.md)";
    case SQLITE_IOERR:
        return " (the disk or its file system fails: the kernel's log says how; nothing that was "
               "acknowledged is lost)";
    case SQLITE_FULL:
        return " (the disk is full: make room)";
    case SQLITE_READONLY:
        return " (the database cannot be written: see the mount and the owner of the file)";
    case SQLITE_CANTOPEN:
        return " (see that the data directory exists and belongs to this user)";
    default:
        return "";
    }
}

int sql_error(struct store *s, int rc, struct err *e)
{
    int primary = rc & 0xff;
    const char *text = s->db != NULL ? sqlite3_errmsg(s->db) : sqlite3_errstr(rc);
    if (s->db != NULL && sqlite3_get_autocommit(s->db) != 0 && s->tx == TX_OPEN)
        s->tx = TX_LOST;
    if (rc == SQLITE_IOERR_FSYNC || rc == SQLITE_IOERR_DIR_FSYNC)
        s->sync_failed = true;
    if (primary == SQLITE_BUSY || primary == SQLITE_LOCKED)
        return err_busy(e, "database %s/%s: locked by another for longer than %lld ms", s->data_dir,
                        DB_FILE_NAME, (long long)s->busy_timeout_ms);
    if (primary == SQLITE_CONSTRAINT || primary == SQLITE_MISUSE || primary == SQLITE_RANGE ||
        primary == SQLITE_MISMATCH)
        return err_bug(e, "database: %s (%d)", text, rc);
    int errnum = s->db != NULL ? sqlite3_system_errno(s->db) : 0;
    if (primary == SQLITE_FULL)
        errnum = ENOSPC;
    else if (primary == SQLITE_CORRUPT || primary == SQLITE_NOTADB)
        errnum = EUCLEAN;
    else if (primary == SQLITE_IOERR && errnum == 0)
        errnum = EIO; /* SQLite keeps the number of some calls only */
    else if (primary != SQLITE_IOERR && primary != SQLITE_CANTOPEN)
        errnum = 0;
    return err_set(e, ERR_SYS, errnum, "database %s/%s: %s%s", s->data_dir, DB_FILE_NAME, text,
                   mend(rc));
}

/* ---- statements */

/* The slot of `sql`, or the empty one where it belongs. */
static struct stmt **cache_slot(struct store *s, const char *sql)
{
    size_t at = ((uintptr_t)sql * UINT64_C(0x9e3779b97f4a7c15)) >> 56;
    for (size_t n = 0; n < DB_STMTS_MAX; n++, at++) {
        struct stmt **slot = &s->stmts[at % DB_STMTS_MAX];
        if (*slot == NULL || (*slot)->sql == sql)
            return slot;
    }
    abort(); /* more constants in the source than slots: raise DB_STMTS_MAX */
}

static void prepare(struct stmt *q, unsigned flags)
{
    q->rc = sqlite3_prepare_v3(q->s->db, q->sql, -1, flags, &q->st, NULL);
}

static struct stmt *stmt_new(struct store *s, const char *sql)
{
    struct stmt *q = xcalloc(1, sizeof *q);
    q->s = s;
    q->sql = sql;
    return q;
}

struct stmt *sql_use(struct store *s, const char *sql)
{
    struct stmt **slot = cache_slot(s, sql);
    if (*slot == NULL) {
        *slot = stmt_new(s, sql);
        (*slot)->cached = true;
    }
    struct stmt *q = *slot;
    assert(!q->in_use);
    q->rc = SQLITE_OK;
    if (q->st == NULL)
        prepare(q, SQLITE_PREPARE_PERSISTENT);
    q->in_use = true;
    q->next_param = 1;
    q->next_column = 0;
    return q;
}

struct stmt *sql_use_once(struct store *s, const char *sql)
{
    struct stmt *q = stmt_new(s, sql);
    prepare(q, 0);
    q->in_use = true;
    q->next_param = 1;
    return q;
}

void sql_release(struct stmt **qp)
{
    struct stmt *q = *qp;
    if (q == NULL)
        return;
    *qp = NULL;
    q->in_use = false;
    if (!q->cached) {
        sqlite3_finalize(q->st);
        free(q);
        return;
    }
    sqlite3_reset(q->st);
    sqlite3_clear_bindings(q->st); /* bound text is borrowed and may die now */
}

static void bound(struct stmt *q, int rc)
{
    if (q->rc == SQLITE_OK)
        q->rc = rc;
}

void sql_bind_int(struct stmt *q, int64_t v)
{
    if (q->st != NULL)
        bound(q, sqlite3_bind_int64(q->st, q->next_param++, v));
}

void sql_bind_real(struct stmt *q, double v)
{
    if (q->st != NULL)
        bound(q, sqlite3_bind_double(q->st, q->next_param++, v));
}

void sql_bind_text(struct stmt *q, const char *text)
{
    if (q->st != NULL)
        bound(q, sqlite3_bind_text(q->st, q->next_param++, text, -1, SQLITE_STATIC));
}

void sql_bind_blob(struct stmt *q, const void *data, size_t len)
{
    /* A null pointer would bind null; no bytes are still a blob. */
    if (q->st != NULL)
        bound(q, sqlite3_bind_blob64(q->st, q->next_param++, len != 0 ? data : "", len,
                                     SQLITE_STATIC));
}

void sql_bind_null(struct stmt *q)
{
    if (q->st != NULL)
        bound(q, sqlite3_bind_null(q->st, q->next_param++));
}

void sql_bind_int_or_null(struct stmt *q, int64_t v)
{
    if (v == 0)
        sql_bind_null(q);
    else
        sql_bind_int(q, v);
}

int sql_row(struct stmt *q, bool *ret_found, struct err *e)
{
    int rc = q->rc;
    if (rc == SQLITE_OK)
        rc = sqlite3_step(q->st);
    q->next_column = 0;
    if (rc != SQLITE_ROW && rc != SQLITE_DONE)
        return sql_error(q->s, rc, e);
    *ret_found = rc == SQLITE_ROW;
    return 0;
}

int sql_run(struct stmt *q, struct err *e)
{
    bool found = false;
    if (sql_row(q, &found, e) < 0)
        return -1;
    assert(!found);
    return 0;
}

int64_t sql_int(struct stmt *q)
{
    return sqlite3_column_int64(q->st, q->next_column++);
}

double sql_real(struct stmt *q)
{
    return sqlite3_column_double(q->st, q->next_column++);
}

char *sql_text(struct stmt *q)
{
    int column = q->next_column++;
    const unsigned char *text = sqlite3_column_text(q->st, column);
    if (text == NULL)
        return NULL;
    return xstrndup((const char *)text, (size_t)sqlite3_column_bytes(q->st, column));
}

bool sql_id(struct stmt *q, char ret[STORE_ID_BYTES])
{
    int column = q->next_column++;
    const unsigned char *text = sqlite3_column_text(q->st, column);
    bool ok = text != NULL && sqlite3_column_bytes(q->st, column) == STORE_ID_BYTES - 1;
    if (ok)
        memcpy(ret, text, STORE_ID_BYTES);
    else
        ret[0] = '\0';
    return ok;
}

const void *sql_bytes(struct stmt *q, size_t *ret_len)
{
    int column = q->next_column++;
    const void *data = sqlite3_column_blob(q->st, column);
    *ret_len = (size_t)sqlite3_column_bytes(q->st, column);
    if (data == NULL && sqlite3_column_type(q->st, column) != SQLITE_NULL)
        return ""; /* an empty blob */
    return data;
}

bool sql_is_null(struct stmt *q)
{
    return sqlite3_column_type(q->st, q->next_column) == SQLITE_NULL;
}

int64_t sql_changes(struct store *s)
{
    return sqlite3_changes64(s->db);
}

int sql_exec(struct store *s, const char *sql, struct err *e)
{
    int rc = sqlite3_exec(s->db, sql, NULL, NULL, NULL);
    return rc == SQLITE_OK ? 0 : sql_error(s, rc, e);
}

/* ---- transactions */

static int run(struct store *s, const char *sql, struct err *e)
{
    auto_stmt_ struct stmt *q = sql_use(s, sql);
    return sql_run(q, e);
}

/* PRAGMA synchronous takes effect while it is prepared and only outside of a transaction, so it is
 * no cached statement, and is switched only when the wish differs from the last one. */
static int set_durability(struct store *s, enum store_durability d, struct err *e)
{
    if (s->durability == d)
        return 0;
    if (sql_exec(s, d == STORE_DURABLE ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=NORMAL",
                 e) < 0)
        return -1;
    s->durability = d;
    return 0;
}

static int lost(struct err *e)
{
    return err_set(e, ERR_SYS, 0, "the transaction was rolled back by an earlier error");
}

/*
 * After a sync failed the kernel takes its pages for clean, and the next sync may succeed without
 * them: relaxed frames that lay there would be a hole in the log, and a power cut would lose all
 * behind it, durable or not. So before anything more is promised, the log, as it is in memory,
 * goes into the database, which is synced, and begins anew. Each process that has the log open gets
 * the error once (errseq_t, Linux 4.13), so each sees to it.
 */
static int mend_log(struct store *s, struct err *e)
{
    int rc = sqlite3_wal_checkpoint_v2(s->db, NULL, SQLITE_CHECKPOINT_RESTART, NULL, NULL);
    if (rc != SQLITE_OK) {
        sql_error(s, rc, e);
        return err_wrap(e, "mend the log after a failed sync");
    }
    s->sync_failed = false;
    return 0;
}

static int outer_begin(struct store *s, enum store_durability d, struct err *e)
{
    if (s->sync_failed && mend_log(s, e) < 0)
        return -1;
    if (set_durability(s, d, e) < 0 || run(s, "BEGIN IMMEDIATE", e) < 0)
        return -1;
    s->tx = TX_OPEN;
    return 0;
}

static int outer_commit(struct store *s, struct err *e)
{
    if (s->tx == TX_LOST) {
        store_rollback(s);
        return lost(e);
    }
    if (run(s, "COMMIT", e) < 0) {
        store_rollback(s);
        return -1;
    }
    s->tx = TX_NONE;
    return 0;
}

int store_begin(struct store *s, enum store_durability d, struct err *e)
{
    if (s->tx != TX_NONE)
        return err_bug(e, "store_begin inside a transaction");
    return outer_begin(s, d, e);
}

int store_begin_within(struct store *s, enum store_durability d, int64_t patience_ms, struct err *e)
{
    int64_t usual_ms = s->busy_timeout_ms;
    if (patience_ms > 0)
        s->busy_timeout_ms = patience_ms;
    int rc = store_begin(s, d, e);
    s->busy_timeout_ms = usual_ms;
    return rc;
}

int store_commit(struct store *s, struct err *e)
{
    if (s->tx == TX_NONE)
        return err_bug(e, "store_commit without a transaction");
    return outer_commit(s, e);
}

void store_rollback(struct store *s)
{
    struct err e;
    if (s->tx != TX_NONE && sqlite3_get_autocommit(s->db) == 0 && run(s, "ROLLBACK", &e) < 0)
        sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL); /* the cached one could not run */
    s->tx = TX_NONE;
}

int tx_begin(struct tx *t, struct store *s, enum store_durability d, struct err *e)
{
    t->nested = s->tx != TX_NONE;
    if (s->tx == TX_LOST)
        return lost(e);
    if ((t->nested ? run(s, "SAVEPOINT step", e) : outer_begin(s, d, e)) < 0)
        return -1;
    t->s = s;
    return 0;
}

int tx_begin_read(struct tx *t, struct store *s, struct err *e)
{
    t->nested = s->tx != TX_NONE;
    if (s->tx == TX_LOST)
        return lost(e);
    if (!t->nested) {
        if (run(s, "BEGIN", e) < 0)
            return -1;
        s->tx = TX_OPEN;
    } else if (run(s, "SAVEPOINT step", e) < 0) {
        return -1;
    }
    t->s = s;
    return 0;
}

int tx_commit(struct tx *t, struct err *e)
{
    struct store *s = t->s;
    if (!t->nested) {
        t->s = NULL;
        return outer_commit(s, e);
    }
    if (s->tx == TX_LOST)
        return lost(e);
    if (run(s, "RELEASE step", e) < 0)
        return -1;
    t->s = NULL;
    return 0;
}

void tx_end(struct tx *t)
{
    struct store *s = t->s;
    struct err e;
    if (s == NULL)
        return;
    t->s = NULL;
    if (!t->nested)
        store_rollback(s);
    else if (s->tx == TX_OPEN &&
             (run(s, "ROLLBACK TO step", &e) < 0 || run(s, "RELEASE step", &e) < 0))
        s->tx = TX_LOST; /* what the failed step left behind must not be committed */
}
