/*
 * store.c - opening and closing a store: the folder, the file, its settings, its version; server
 * and worker.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#include "sandbox/base/cleanup.h"
#include "sandbox/base/clock.h"
#include "schema/inner.h"
#include "schema/wake.h"

enum {
    BUSY_TIMEOUT_MS = 10 * 1000,
    BLOB_GRACE_MS = 60 * 60 * 1000,
    BUSY_FIRST_US = 50,
    BUSY_LONGEST_US = 2000,
};

static int sleep_us(int64_t us)
{
    struct timespec t = { .tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000 };
    return nanosleep(&t, NULL);
}

/*
 * SQLite asks here while another connection writes. Its own handler sleeps in whole milliseconds
 * up to 100, far longer than a commit takes; this one begins at 50 us, and each process at another
 * point, so that two that wait do not wake in step.
 */
static int on_busy(void *ctx, int count)
{
    struct store *s = ctx;
    int64_t now_ns = clock_mono_ns();
    if (count == 0)
        s->busy_deadline_mono_ns = now_ns + s->busy_timeout_ms * NS_PER_MS;
    if (now_ns >= s->busy_deadline_mono_ns)
        return 0;
    int64_t us = count < 6 ? BUSY_FIRST_US << count : BUSY_LONGEST_US;
    sleep_us(us / 2 + now_ns % us);
    return 1;
}

static int on_commit(void *ctx, sqlite3 *db, const char *name, int pages)
{
    struct store *s = ctx;
    s->wal_pages = pages;
    if (pages >= DB_CHECKPOINT_PAGES) /* a failure is no loss: the next commit tries again */
        sqlite3_wal_checkpoint_v2(db, name, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    return SQLITE_OK;
}

/* ---- the folder */

static int make_dir(int at, const char *name, const char *shown, struct err *e)
{
    if (mkdirat(at, name, 0700) < 0 && errno != EEXIST)
        return err_sys(e, "make %s", shown);
    return 0;
}

/* A database made anew here would hide that one was about to come back. */
static int refuse_unfinished(int dir_fd, const char *data_dir, struct err *e)
{
    if (faccessat(dir_fd, DB_FILE_NAME, F_OK, AT_SYMLINK_NOFOLLOW) == 0 ||
        faccessat(dir_fd, DB_RESTORING_NAME, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
        return 0;
    return err_input(e,
                     "%s holds a restore that did not end: run `minos restore` again, or remove "
                     "%s/" DB_RESTORING_NAME " to begin with an empty store",
                     data_dir, data_dir);
}

static int make_tree(struct store *s, struct err *e)
{
    static const char *const below[] = { "blobs", "blobs/tmp", "artifacts", "run" };
    if (make_dir(AT_FDCWD, s->data_dir, s->data_dir, e) < 0)
        return -1;
    auto_fd_ int dir = open(s->data_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0)
        return err_sys(e, "open %s", s->data_dir);
    for (size_t i = 0; i < ARRAY_COUNT(below); i++) {
        if (make_dir(dir, below[i], below[i], e) < 0)
            return err_wrap(e, "in %s", s->data_dir);
    }
    if (refuse_unfinished(dir, s->data_dir, e) < 0)
        return -1;
    /* SQLite gives its log the mode of the database, so the file is made here, for its owner only.
     * A database that is there is not opened: closing any descriptor of it would drop the locks
     * that this process's other connections hold (POSIX locks belong to the process), and a
     * neighbour that leaves would then take the log away under them. */
    auto_fd_ int file = openat(dir, DB_FILE_NAME, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (file < 0 && errno != EEXIST)
        return err_sys(e, "create %s/%s", s->data_dir, DB_FILE_NAME);
    return 0;
}

/* One opener at a time: turning the log on and migrating need the database alone. */
static int lock_tree(struct store *s, int *ret_fd, struct err *e)
{
    auto_fd_ int dir = open(s->data_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0)
        return err_sys(e, "open %s", s->data_dir);
    int64_t deadline_mono_ns = clock_mono_ns() + s->busy_timeout_ms * NS_PER_MS;
    while (flock(dir, LOCK_EX | LOCK_NB) < 0) {
        if (errno != EWOULDBLOCK && errno != EINTR)
            return err_sys(e, "lock %s", s->data_dir);
        if (clock_mono_ns() >= deadline_mono_ns)
            return err_busy(e, "%s: another program is opening it for longer than %lld ms",
                            s->data_dir, (long long)s->busy_timeout_ms);
        sleep_us(BUSY_LONGEST_US);
    }
    *ret_fd = take_fd(&dir);
    return 0;
}

/* ---- the file */

static int open_file(struct store *s, struct err *e)
{
    auto_free_ char *path = xasprintf("%s/%s", s->data_dir, DB_FILE_NAME);
    int flags = (s->read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE) |
                SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    int rc = sqlite3_open_v2(path, &s->db, flags, NULL);
    if (rc != SQLITE_OK)
        return sql_error(s, rc, e);
    sqlite3_busy_handler(s->db, on_busy, s);
    sqlite3_db_config(s->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(s->db, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
    sqlite3_db_config(s->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    return 0;
}

static int turn_log_on(struct store *s, struct err *e)
{
    auto_stmt_ struct stmt *q = sql_use_once(s, "PRAGMA journal_mode=WAL");
    bool found = false;
    if (sql_row(q, &found, e) < 0)
        return -1;
    auto_free_ char *mode = found ? sql_text(q) : NULL;
    if (mode == NULL || strcmp(mode, "wal") != 0)
        return err_set(e, ERR_SYS, 0,
                       "%s/%s: this file system cannot hold a write-ahead log (no shared memory "
                       "maps): use a local disk",
                       s->data_dir, DB_FILE_NAME);
    return 0;
}

static int set_up(struct store *s, struct err *e)
{
    if (!s->read_only && turn_log_on(s, e) < 0)
        return -1;
    if (sql_exec(s,
                 "PRAGMA synchronous=FULL; PRAGMA temp_store=MEMORY; PRAGMA cache_size=-4096; "
                 "PRAGMA cell_size_check=ON; PRAGMA foreign_keys=OFF",
                 e) < 0)
        return -1;
    s->durability = STORE_DURABLE;
    sqlite3_wal_hook(s->db, on_commit, s); /* in place of SQLite's own automatic checkpoint */
    return migrate_run(s, e);
}

static struct store *store_new(const struct store_options *opt)
{
    struct store *s = xcalloc(1, sizeof *s);
    s->data_dir = xstrdup(opt->data_dir);
    s->read_only = opt->read_only;
    s->any_version = opt->any_version;
    s->busy_timeout_ms = opt->busy_timeout_ms != 0 ? opt->busy_timeout_ms : BUSY_TIMEOUT_MS;
    s->queue_count_max = opt->queue_count_max;
    s->queue_bytes_max = opt->queue_bytes_max;
    s->quotas = opt->quotas != NULL ? *opt->quotas : quotas_defaults();
    s->blob_grace_ms = opt->blob_grace_ms != 0 ? opt->blob_grace_ms : BLOB_GRACE_MS;
    s->blobs_fd = -1;
    return s;
}

static int open_all(struct store *s, struct err *e)
{
    auto_fd_ int lock = -1;
    if (!s->read_only && (make_tree(s, e) < 0 || lock_tree(s, &lock, e) < 0))
        return -1;
    auto_free_ char *blobs = xasprintf("%s/blobs", s->data_dir);
    s->blobs_fd = open(blobs, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (s->blobs_fd < 0)
        return err_sys(e, "open %s", blobs);
    if (!s->read_only)
        blob_tidy(s);
    return open_file(s, e) < 0 ? -1 : set_up(s, e);
}

int store_open(const struct store_options *opt, struct store **ret, struct err *e)
{
    struct store *s = store_new(opt);
    if (open_all(s, e) < 0) {
        store_close(s);
        return err_wrap(e, "open the store");
    }
    *ret = s;
    return 0;
}

void store_close(struct store *s)
{
    if (s == NULL)
        return;
    if (s->db != NULL)
        store_rollback(s);
    for (size_t i = 0; i < DB_STMTS_MAX; i++) {
        if (s->stmts[i] != NULL)
            sqlite3_finalize(s->stmts[i]->st);
        free(s->stmts[i]);
    }
    sqlite3_close(s->db);
    wake_sender_free(s->sender);
    close_fd(&s->blobs_fd);
    free(s->data_dir);
    free(s);
}

int store_checkpoint(struct store *s, struct err *e)
{
    if (s->tx != TX_NONE)
        return err_bug(e, "store_checkpoint inside a transaction");
    int pages = 0;
    int rc = sqlite3_wal_checkpoint_v2(s->db, NULL, SQLITE_CHECKPOINT_PASSIVE, &pages, NULL);
    if (rc != SQLITE_OK && (rc & 0xff) != SQLITE_BUSY) /* busy: another is at it */
        return sql_error(s, rc, e);
    s->wal_pages = 0;
    return 0;
}

/* A row that stays as it was would not be written at all (SQLite compares), so one counts. */
int store_probe(struct store *s, struct err *e)
{
    auto_tx_ struct tx t = { 0 };
    if (tx_begin(&t, s, STORE_DURABLE, e) < 0 || counter_add(s, COUNTER_PROBE, 1, e) < 0)
        return -1;
    return tx_commit(&t, e);
}
