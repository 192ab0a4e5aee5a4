/*
 * blob.c - bytes by their SHA-256; server and worker.
 *
 * Up to 64 KiB lie in the database, and larger ones in DATA/blobs/<first two digits>/<64 digits>,
 * written once and never changed. Invariants:
 *
 *   1. A row that something refers to (refs > 0) has its bytes. The file is on disk, with its name,
 *      before the transaction that makes its row is committed.
 *   2. refs is the number of references in the other tables: it moves in the transaction that makes
 *      or drops the reference.
 *   3. Files are removed only inside a write transaction, and blob_put trusts a file only after it
 *      saw it inside a write transaction. So a sweep and a put of the same bytes cannot miss each
 *      other, whichever comes first; and a sweep that dies between unlink and commit leaves a row
 *      with refs 0 and no file, which the next put mends and nobody else can see.
 *   4. A blob that was put less than the grace time ago stays even when nothing refers to it: its
 *      putter may be about to.
 *   5. While a backup copies, nothing is removed: blob_hold.
 *
 * A file without a row (the program died before its commit) is waste, not damage: see stray.c.
 *
 * Epochs. Hashes are random, so an index of all of them has its inserts everywhere: with millions
 * of rows each accepted submission would dirty pages of its own, to be logged, synced and copied.
 * Small blobs therefore count in epochs of 16,384 rows, the index is ordered by (epoch, sha256),
 * and a put looks into the last two. What was put long ago is stored again, once an epoch, which
 * costs next to nothing; what is put all the time (the inputs of a popular problem) is found. Large
 * blobs are all of epoch 0, so there is one row for a file. Others find a blob by its row, which
 * travels in struct blob and is checked against the hash.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "sandbox/base/cleanup.h"
#include "sandbox/base/clock.h"
#include "sandbox/base/io.h"
#include "schema/inner.h"

/* ---- files */

enum { SYNC_PIECE_BYTES = 4 << 20 };

void blob_path(const uint8_t sha256[STORE_SHA256_BYTES], char ret[BLOB_PATH_BYTES])
{
    char hex[STORE_HEX_BYTES];
    store_hex(sha256, hex);
    snprintf(ret, BLOB_PATH_BYTES, "%.2s/%s", hex, hex);
}

static bool file_is_whole(const struct store *s, const char *path, int64_t bytes)
{
    struct stat st;
    return fstatat(s->blobs_fd, path, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
           st.st_size == bytes;
}

static int sync_dir(const struct store *s, const char *name, struct err *e)
{
    auto_fd_ int dir = openat(s->blobs_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0 || fsync(dir) < 0)
        return err_sys(e, "sync %s/blobs/%s", s->data_dir, name);
    return 0;
}

/* In pieces, each on its way to the disk before the next is written: the log's own sync, which
 * somebody may be waiting for, then queues behind one piece and not behind all of a large file. */
#define SYNC_PIECE                                                                                 \
    (SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER)

static int write_synced(int fd, const char *data, size_t len)
{
    for (size_t at = 0; at < len; at += SYNC_PIECE_BYTES) {
        size_t piece = len - at < SYNC_PIECE_BYTES ? len - at : SYNC_PIECE_BYTES;
        bool more = at + piece < len;
        if (io_write_all(fd, data + at, piece) < 0 ||
            (more && sync_file_range(fd, (off_t)at, (off_t)piece, SYNC_PIECE) < 0))
            return -1;
    }
    return fsync(fd);
}

/* Give the file, complete and synced under its temporary name, its own one. */
static int name_file(const struct store *s, const char *temporary, const char *path, struct err *e)
{
    char dir[3] = { path[0], path[1], '\0' };
    bool made = mkdirat(s->blobs_fd, dir, 0700) == 0;
    if (!made && errno != EEXIST)
        return err_sys(e, "make %s/blobs/%s", s->data_dir, dir);
    if (renameat(s->blobs_fd, temporary, s->blobs_fd, path) < 0)
        return err_sys(e, "name %s/blobs/%s", s->data_dir, path);
    if (made && sync_dir(s, ".", e) < 0)
        return -1;
    return sync_dir(s, dir, e);
}

static int write_file(const struct store *s, const char *path, const void *data, size_t len,
                      struct err *e)
{
    char id[STORE_ID_BYTES], temporary[STORE_ID_BYTES + sizeof "tmp/"];
    store_new_id(id);
    snprintf(temporary, sizeof temporary, "tmp/%s", id);
    auto_fd_ int fd =
        openat(s->blobs_fd, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0400);
    if (fd < 0)
        return err_sys(e, "make %s/blobs/%s", s->data_dir, temporary);
    (void)flock(fd, LOCK_SH); /* tells blob_tidy that its writer lives */
    int rc = write_synced(fd, data, len) < 0
                 ? err_sys(e, "write %s/blobs/%s", s->data_dir, temporary)
                 : name_file(s, temporary, path, e);
    if (rc < 0)
        unlinkat(s->blobs_fd, temporary, 0);
    return rc;
}

/* See that the file is there. One that `known` does not vouch for may come from a program that died
 * between naming it and syncing the folder: then its name is synced now. */
static int ensure_file(const struct store *s, const struct blob *b, const void *data, bool known,
                       struct err *e)
{
    char path[BLOB_PATH_BYTES];
    blob_path(b->sha256, path);
    if (!file_is_whole(s, path, b->bytes))
        return write_file(s, path, data, (size_t)b->bytes, e);
    if (known)
        return 0;
    char dir[3] = { path[0], path[1], '\0' };
    return sync_dir(s, ".", e) < 0 ? -1 : sync_dir(s, dir, e);
}

static int open_blob_file(const struct store *s, const struct blob *b, int *ret_fd, struct err *e)
{
    char path[BLOB_PATH_BYTES];
    blob_path(b->sha256, path);
    auto_fd_ int fd = openat(s->blobs_fd, path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return err_sys(e, "open %s/blobs/%s", s->data_dir, path);
    struct stat st;
    if (fstat(fd, &st) < 0)
        return err_sys(e, "stat %s/blobs/%s", s->data_dir, path);
    if (!S_ISREG(st.st_mode) || st.st_size != b->bytes)
        return err_set(e, ERR_SYS, 0, "%s/blobs/%s is damaged: %lld bytes instead of %lld",
                       s->data_dir, path, (long long)st.st_size, (long long)b->bytes);
    *ret_fd = take_fd(&fd);
    return 0;
}

/* ---- rows */

struct blob_row {
    int64_t id, last_put_unix_ms;
};

/* The row of the newest blob: 0 when there is none. */
static int last_row(struct store *s, int64_t *ret, struct err *e)
{
    auto_stmt_ struct stmt *q = sql_use(s, "SELECT coalesce(max(id), 0) FROM blob");
    bool found = false;
    if (sql_row(q, &found, e) < 0)
        return -1;
    *ret = sql_int(q);
    return 0;
}

static int64_t epoch_of(int64_t bytes, int64_t row)
{
    return bytes > DB_BLOB_INLINE_BYTES ? 0 : row / DB_EPOCH_ROWS + 1;
}

static int find_in_epoch(struct store *s, int64_t epoch, const uint8_t *sha256,
                         struct blob_row *ret, bool *ret_found, struct err *e)
{
    auto_stmt_ struct stmt *q =
        sql_use(s, "SELECT id, last_put_unix_ms FROM blob WHERE epoch = ? AND sha256 = ?");
    sql_bind_int(q, epoch);
    sql_bind_blob(q, sha256, STORE_SHA256_BYTES);
    if (sql_row(q, ret_found, e) < 0)
        return -1;
    if (*ret_found) {
        ret->id = sql_int(q);
        ret->last_put_unix_ms = sql_int(q);
    }
    return 0;
}

/* From the epoch of a new row back, over `epochs` of them. */
static int find_row(struct store *s, const struct blob *b, int64_t next_row, int64_t epochs,
                    struct blob_row *ret, bool *ret_found, struct err *e)
{
    *ret_found = false;
    int64_t newest = epoch_of(b->bytes, next_row);
    for (int64_t i = 0; i < epochs && (newest - i > 0 || i == 0) && !*ret_found; i++) {
        if (find_in_epoch(s, newest - i, b->sha256, ret, ret_found, e) < 0)
            return -1;
    }
    return 0;
}

/* The row of a blob that somebody speaks of: the one it names, or else (a struct made by hand) any
 * of its hash. 0: it is not stored. */
static int known_row(struct store *s, const struct blob *b, int64_t *ret, struct err *e)
{
    auto_stmt_ struct stmt *q = sql_use(s, "SELECT 1 FROM blob WHERE id = ? AND sha256 = ?");
    sql_bind_int(q, b->row);
    sql_bind_blob(q, b->sha256, sizeof b->sha256);
    bool found = false;
    if (sql_row(q, &found, e) < 0)
        return -1;
    *ret = b->row;
    if (found)
        return 0;
    struct blob_row row = { 0 };
    int64_t last = 0;
    if (last_row(s, &last, e) < 0 || find_row(s, b, last, INT64_MAX, &row, &found, e) < 0)
        return -1;
    *ret = found ? row.id : 0;
    return 0;
}

static int insert_row(struct store *s, const struct blob *b, const void *data, struct err *e)
{
    auto_stmt_ struct stmt *q =
        sql_use(s, "INSERT INTO blob (id, epoch, sha256, bytes, refs, last_put_unix_ms) "
                   "VALUES (?, ?, ?, ?, 0, ?)");
    sql_bind_int(q, b->row);
    sql_bind_int(q, epoch_of(b->bytes, b->row));
    sql_bind_blob(q, b->sha256, sizeof b->sha256);
    sql_bind_int(q, b->bytes);
    sql_bind_int(q, clock_unix_ms());
    if (sql_run(q, e) < 0)
        return -1;
    if (b->bytes > DB_BLOB_INLINE_BYTES)
        return 0;
    auto_stmt_ struct stmt *d = sql_use(s, "INSERT INTO blob_data (id, data) VALUES (?, ?)");
    sql_bind_int(d, b->row);
    sql_bind_blob(d, data, (size_t)b->bytes);
    return sql_run(d, e);
}

/* Whether the grace of a blob that is put again is to be renewed; exact to a quarter of it, which
 * spares most writes. */
static bool is_old(const struct store *s, const struct blob_row *row)
{
    int64_t age_ms = clock_unix_ms() - row->last_put_unix_ms;
    return age_ms < 0 || age_ms >= s->blob_grace_ms / 4;
}

static int touch_row(struct store *s, int64_t id, struct err *e)
{
    auto_stmt_ struct stmt *q = sql_use(s, "UPDATE blob SET last_put_unix_ms = ? WHERE id = ?");
    sql_bind_int(q, clock_unix_ms());
    sql_bind_int(q, id);
    return sql_run(q, e);
}

/* Inside a transaction a savepoint copies pages: it is for those that are written to. */
static int put_locked(struct store *s, struct blob *b, const void *data, bool synced, struct err *e)
{
    auto_tx_ struct tx t = { 0 };
    struct blob_row row = { 0 };
    int64_t last = 0;
    bool found = false;
    if (last_row(s, &last, e) < 0 || find_row(s, b, last + 1, 2, &row, &found, e) < 0)
        return -1;
    if (b->bytes > DB_BLOB_INLINE_BYTES && ensure_file(s, b, data, found || synced, e) < 0)
        return -1;
    b->row = found ? row.id : last + 1;
    if (found && !is_old(s, &row))
        return 0;
    if (tx_begin(&t, s, STORE_DURABLE, e) < 0 ||
        (found ? touch_row(s, row.id, e) : insert_row(s, b, data, e)) < 0)
        return -1;
    return tx_commit(&t, e);
}

static int put_alone(struct store *s, struct blob *b, const void *data, bool synced, struct err *e)
{
    auto_tx_ struct tx t = { 0 };
    if (tx_begin(&t, s, STORE_DURABLE, e) < 0 || put_locked(s, b, data, synced, e) < 0)
        return -1;
    return tx_commit(&t, e);
}

static int put(struct store *s, struct blob *b, const void *data, bool synced, struct err *e)
{
    if ((s->tx == TX_OPEN ? put_locked : put_alone)(s, b, data, synced, e) < 0)
        return err_wrap(e, "store %lld bytes", (long long)b->bytes);
    return 0;
}

int blob_stage(const struct store *s, const void *data, size_t len, struct blob *ret, struct err *e)
{
    struct blob b = { .present = true, .bytes = (int64_t)len };
    store_sha256(data, len, b.sha256);
    if (b.bytes > DB_BLOB_INLINE_BYTES && ensure_file(s, &b, data, false, e) < 0)
        return err_wrap(e, "store %zu bytes", len);
    *ret = b;
    return 0;
}

int blob_put_staged(struct store *s, struct blob *staged, const void *data, struct err *e)
{
    return put(s, staged, data, true, e);
}

int blob_put(struct store *s, const void *data, size_t len, struct blob *ret, struct err *e)
{
    struct blob b = { .present = true, .bytes = (int64_t)len };
    bool ahead = s->tx == TX_NONE; /* then nobody waits for us yet */
    if (ahead && blob_stage(s, data, len, &b, e) < 0)
        return -1;
    if (!ahead)
        store_sha256(data, len, b.sha256);
    if (put(s, &b, data, ahead, e) < 0)
        return -1;
    *ret = b;
    return 0;
}

/* ---- reading */

static int select_data(struct store *s, const struct blob *b, struct stmt **ret, bool *ret_found,
                       struct err *e)
{
    sql_release(ret);
    *ret = sql_use(s, "SELECT d.data FROM blob b LEFT JOIN blob_data d ON d.id = b.id "
                      "WHERE b.id = ? AND b.sha256 = ?");
    sql_bind_int(*ret, b->row);
    sql_bind_blob(*ret, b->sha256, sizeof b->sha256);
    return sql_row(*ret, ret_found, e);
}

/* A statement whose next column is the blob's bytes; *ret_inside false: they are in a file. */
static int find_data(struct store *s, const struct blob *b, struct stmt **ret, bool *ret_inside,
                     struct err *e)
{
    struct blob known = *b;
    bool found = false;
    if (select_data(s, b, ret, &found, e) < 0 ||
        (!found &&
         (known_row(s, b, &known.row, e) < 0 || select_data(s, &known, ret, &found, e) < 0)))
        return -1;
    if (!found) {
        char hex[STORE_HEX_BYTES];
        store_hex(b->sha256, hex);
        return err_set(e, ERR_SYS, 0, "blob %s of %s is missing", hex, s->data_dir);
    }
    *ret_inside = !sql_is_null(*ret);
    return 0;
}

int blob_get(struct store *s, const struct blob *blob, struct buf *b, struct err *e)
{
    if (!blob->present)
        return 0;
    auto_stmt_ struct stmt *q = NULL;
    bool inside = false;
    if (find_data(s, blob, &q, &inside, e) < 0)
        return -1;
    if (inside) {
        size_t len = 0;
        const void *data = sql_bytes(q, &len);
        return buf_add(b, data, len, e);
    }
    auto_fd_ int fd = -1;
    if (open_blob_file(s, blob, &fd, e) < 0)
        return -1;
    return io_read_to_buf(fd, b, e);
}

int blob_open(struct store *s, const struct blob *blob, int *ret_fd, struct err *e)
{
    if (!blob->present)
        return io_sealed_memfd("blob", "", 0, ret_fd, e);
    auto_stmt_ struct stmt *q = NULL;
    bool inside = false;
    if (find_data(s, blob, &q, &inside, e) < 0)
        return -1;
    if (!inside)
        return open_blob_file(s, blob, ret_fd, e);
    size_t len = 0;
    const void *data = sql_bytes(q, &len);
    return io_sealed_memfd("blob", data, len, ret_fd, e);
}

/* ---- references */

static int note_ref(struct store *s, struct stmt *q, int64_t by, bool *ret_found, struct err *e)
{
    if (sql_row(q, ret_found, e) < 0)
        return -1;
    int64_t refs = *ret_found ? sql_int(q) : 0, bytes = *ret_found ? sql_int(q) : 0;
    bool first = by > 0 && refs == by, last = by < 0 && refs == 0;
    if (bytes == 0 || (!first && !last))
        return 0;
    return counter_add(s, COUNTER_BYTES, first ? bytes : -bytes, e);
}

int blob_ref_row(struct store *s, const struct blob *b, bool *ret_found, struct err *e)
{
    auto_stmt_ struct stmt *q = sql_use(s, "UPDATE blob SET refs = refs + 1 "
                                           "WHERE id = ? AND sha256 = ? RETURNING refs, bytes");
    sql_bind_int(q, b->row);
    sql_bind_blob(q, b->sha256, sizeof b->sha256);
    return note_ref(s, q, 1, ret_found, e);
}

int blob_ref(struct store *s, const struct blob *b, int64_t *ret_row, struct err *e)
{
    struct blob known = *b;
    bool found = false;
    *ret_row = 0;
    if (!b->present)
        return 0;
    if (blob_ref_row(s, b, &found, e) < 0 ||
        (!found && (known_row(s, b, &known.row, e) < 0 || blob_ref_row(s, &known, &found, e) < 0)))
        return -1;
    if (!found)
        return err_bug(e, "a record refers to a blob that was never put");
    *ret_row = known.row;
    return 0;
}

int blob_unref(struct store *s, int64_t row, struct err *e)
{
    bool found = false;
    if (row == 0)
        return 0;
    auto_stmt_ struct stmt *q =
        sql_use(s, "UPDATE blob SET refs = refs - 1 WHERE id = ? RETURNING refs, bytes");
    sql_bind_int(q, row);
    return note_ref(s, q, -1, &found, e);
}

void blob_read(struct stmt *q, struct blob *ret)
{
    size_t len = 0;
    int64_t row = sql_int(q);
    const void *sha256 = sql_bytes(q, &len);
    int64_t bytes = sql_int(q);
    *ret = (struct blob){ 0 };
    if (row == 0 || len != STORE_SHA256_BYTES)
        return;
    ret->present = true;
    ret->row = row;
    ret->bytes = bytes;
    memcpy(ret->sha256, sha256, len);
}

/* ---- the sweep */

static int next_unused(struct store *s, int64_t before_unix_ms, int64_t *ret_row, struct blob *ret,
                       bool *ret_found, struct err *e)
{
    auto_stmt_ struct stmt *q =
        sql_use(s, "SELECT id, id, sha256, bytes FROM blob WHERE refs = 0 AND last_put_unix_ms < ? "
                   "ORDER BY last_put_unix_ms LIMIT 1");
    sql_bind_int(q, before_unix_ms);
    if (sql_row(q, ret_found, e) < 0)
        return -1;
    if (*ret_found) {
        *ret_row = sql_int(q);
        blob_read(q, ret);
    }
    return 0;
}

static int delete_row(struct store *s, int64_t row, struct err *e)
{
    auto_stmt_ struct stmt *q = sql_use(s, "DELETE FROM blob WHERE id = ?");
    sql_bind_int(q, row);
    if (sql_run(q, e) < 0)
        return -1;
    auto_stmt_ struct stmt *d = sql_use(s, "DELETE FROM blob_data WHERE id = ?");
    sql_bind_int(d, row);
    return sql_run(d, e);
}

/* Between hold and remove stands one lock of the folder, shared by who holds. A sweep may let go
 * before its commit: what it removes has no references in the state before it either. */
int blob_hold(const struct store *s, struct err *e)
{
    int rc;
    do
        rc = flock(s->blobs_fd, LOCK_SH);
    while (rc < 0 && errno == EINTR);
    return rc < 0 ? err_sys(e, "lock %s/blobs", s->data_dir) : 0;
}

bool blob_may_remove(const struct store *s)
{
    return flock(s->blobs_fd, LOCK_EX | LOCK_NB) == 0;
}

void blob_let_go(const struct store *s)
{
    flock(s->blobs_fd, LOCK_UN);
}

static int sweep_some(struct store *s, int64_t limit, int64_t *ret_deleted, struct err *e)
{
    int64_t before_unix_ms = clock_unix_ms() - s->blob_grace_ms;
    for (*ret_deleted = 0; *ret_deleted < limit; ++*ret_deleted) {
        int64_t row = 0;
        struct blob b = { 0 };
        bool found = false;
        if (next_unused(s, before_unix_ms, &row, &b, &found, e) < 0)
            return -1;
        if (!found)
            return 0;
        char path[BLOB_PATH_BYTES];
        blob_path(b.sha256, path);
        if (b.bytes > DB_BLOB_INLINE_BYTES && unlinkat(s->blobs_fd, path, 0) < 0 && errno != ENOENT)
            return err_sys(e, "remove %s/blobs/%s", s->data_dir, path);
        if (delete_row(s, row, e) < 0)
            return -1;
    }
    return 0;
}

int blob_sweep(struct store *s, int64_t limit, int64_t *ret_deleted, struct err *e)
{
    *ret_deleted = 0;
    if (!blob_may_remove(s))
        return 0;
    int rc = sweep_some(s, limit, ret_deleted, e);
    blob_let_go(s);
    return rc;
}

/* ---- what crashes leave */

enum { YOUNG_MS = 2000 }; /* its writer may be between making and locking it */

static bool writer_lives(int dir_fd, const char *name)
{
    struct stat st;
    auto_fd_ int fd = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0)
        return true;
    return st.st_mtime > (clock_unix_ms() - YOUNG_MS) / 1000 || flock(fd, LOCK_EX | LOCK_NB) < 0;
}

void blob_tidy(const struct store *s)
{
    auto_fd_ int fd = openat(s->blobs_fd, "tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    auto_dir_ DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    if (dir == NULL)
        return;
    int dir_fd = take_fd(&fd); /* the stream closes it */
    for (struct dirent *d = readdir(dir); d != NULL; d = readdir(dir))
        if (store_id_valid(d->d_name) && !writer_lives(dir_fd, d->d_name))
            unlinkat(dir_fd, d->d_name, 0);
}
