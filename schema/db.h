/*
 * db.h - inside schema/ only: the connection, prepared statements and transactions, so that no
 * other file repeats SQLite boilerplate.
 *
 *     auto_stmt_ struct stmt *q = sql_use(s, "SELECT bytes FROM blob WHERE sha256 = ?");
 *     sql_bind_blob(q, hash, sizeof hash);
 *     bool found = false;
 *     if (sql_row(q, &found, e) < 0)
 *         return -1;
 *     if (found)
 *         bytes = sql_int(q);
 *
 * Preparing and binding cannot fail by themselves: what goes wrong is kept in the statement and
 * comes out of sql_row or sql_run. Parameters and columns are taken from left to right, each call
 * the next one. At the end of the scope the statement is reset and stays prepared for the next use.
 */
#pragma once

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sandbox/base/err.h"
#include "schema/store.h"

enum {
    DB_APPLICATION_ID = 0x4d4e4f53,   /* "MNOS", in the header of the file */
    DB_STMTS_MAX = 256,               /* slots of the statement cache; a power of two */
    DB_BLOB_INLINE_BYTES = 64 * 1024, /* larger ones are files */
    DB_EPOCH_ROWS = 16384, /* of the index of hashes, see blob.c: two fit a connection's cache */
    DB_CHECKPOINT_PAGES = 16384,     /* the write-ahead log (4 KiB pages) is emptied by whoever
                                        commits beyond this ... */
    DB_CHECKPOINT_IDLE_PAGES = 1024, /* ... and by an idle slot beyond this */
};

#define DB_FILE_NAME "minos.db"
#define DB_RESTORING_NAME "minos.db.restoring" /* beside it: see restore.c */

struct stmt {
    const char *sql; /* key of the cache: the address of a string constant */
    sqlite3_stmt *st;
    struct store *s;
    int rc; /* first error of preparing or binding, else SQLITE_OK */
    int next_param, next_column;
    bool in_use;
    bool cached;
};

enum tx_state {
    TX_NONE,
    TX_OPEN,
    TX_LOST, /* SQLite rolled all of it back (disk full, say) and its owner does not know yet */
};

struct store {
    sqlite3 *db;
    char *data_dir;
    int blobs_fd; /* DATA/blobs */
    bool read_only, any_version;
    int64_t busy_timeout_ms, queue_count_max, queue_bytes_max, blob_grace_ms;
    struct quotas quotas; /* of keys that have none of their own */
    int64_t busy_deadline_mono_ns;
    enum store_durability durability; /* what PRAGMA synchronous is set to */
    enum tx_state tx;
    bool sync_failed;      /* the log may have a hole on disk: see mend_log */
    int64_t wal_pages;     /* in the write-ahead log at the last commit of this connection */
    uint8_t stray_folder;  /* below blobs/, the one that stray_sweep looks at next */
    struct blob isolation; /* of the last verdict */
    void (*moved)(void *ctx, const char *id); /* queue_on_moved; NULL: nobody listens */
    void *moved_ctx;
    struct wake_sender *sender; /* wake_tell; NULL before the first */
    struct stmt *stmts[DB_STMTS_MAX];
};

/* ---- statements */

/* A prepared statement; `sql` must be a string constant (its address is the key). Never NULL. */
struct stmt *sql_use(struct store *s, const char *sql);

/* The same for text made at run time: prepared now, dropped at the end of the scope. */
struct stmt *sql_use_once(struct store *s, const char *sql);

void sql_release(struct stmt **qp);
#define auto_stmt_ __attribute__((cleanup(sql_release)))

void sql_bind_int(struct stmt *q, int64_t v);
void sql_bind_real(struct stmt *q, double v);
void sql_bind_text(struct stmt *q,
                   const char *text); /* NULL: null; borrowed until the scope ends */
void sql_bind_blob(struct stmt *q, const void *data, size_t len); /* borrowed likewise; not null */
void sql_bind_null(struct stmt *q);
void sql_bind_int_or_null(struct stmt *q, int64_t v); /* 0: null */

/* Step once; *ret_found false when there is no (further) row. */
must_check_ int sql_row(struct stmt *q, bool *ret_found, struct err *e);

/* Run a statement that gives no rows. */
must_check_ int sql_run(struct stmt *q, struct err *e);

/* The next column of the row. Text is a copy (NULL for null) that the caller frees. */
int64_t sql_int(struct stmt *q); /* null: 0 */
double sql_real(struct stmt *q);
char *sql_text(struct stmt *q);
bool sql_id(struct stmt *q, char ret[STORE_ID_BYTES]);  /* false, and "", when it is no id */
const void *sql_bytes(struct stmt *q, size_t *ret_len); /* valid until the next step; null: NULL */
bool sql_is_null(struct stmt *q);                       /* looks at the next column, and stays */

/* Rows that the last statement changed. */
int64_t sql_changes(struct store *s);

/* Run text (several statements allowed) outside of the cache. */
must_check_ int sql_exec(struct store *s, const char *sql, struct err *e);

/* Fill `e` from the connection's last error and the result code `rc`; returns -1. */
int sql_error(struct store *s, int rc, struct err *e);

/* ---- transactions */

/*
 * All or nothing for one function: a transaction of its own, or, inside one that the caller opened,
 * a savepoint, so that a refused submission leaves no trace in a batch that goes on. Unless
 * tx_commit is reached, the end of the scope rolls back.
 */
struct tx {
    struct store *s; /* NULL: not open */
    bool nested;
};

#define auto_tx_ __attribute__((cleanup(tx_end)))

must_check_ int tx_begin(struct tx *t, struct store *s, enum store_durability d, struct err *e);
must_check_ int tx_begin_read(struct tx *t, struct store *s, struct err *e); /* one snapshot */
must_check_ int tx_commit(struct tx *t, struct err *e);
void tx_end(struct tx *t);
