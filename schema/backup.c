/*
 * backup.c - copying a store while others write; minos-server --backup.
 *
 * Order, and why:
 *   1. The blob files are held (blob.c, invariant 5), before the moment that is copied: what that
 *      moment refers to stays until we are done, however long the copy takes.
 *   2. The database, by SQLite's backup in one step: one moment of it. Writers go on, into the log.
 *      In smaller steps each write of theirs would make it begin anew.
 *   3. The blobs that the copy refers to, read from the copy itself. Files come before rows, so
 * each is there.
 *   4. All of it is read back: the pages, each digest.
 *   5. The manifest. A backup without it is none.
 */
#include "schema/backup.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "sandbox/base/cleanup.h"
#include "sandbox/base/clock.h"
#include "schema/copy.h"
#include "schema/inner.h"
#include "schema/manifest.h"

enum { RETRY_NS = 5 * NS_PER_MS };

#define KEY_FILE "admin.key"

static void close_store(struct store **s)
{
    store_close(*s);
}

#define auto_store_ __attribute__((cleanup(close_store)))

static int open_reader(const char *dir, struct store **ret, struct err *e)
{
    const struct store_options opt = { .data_dir = dir, .read_only = true, .any_version = true };
    return store_open(&opt, ret, e);
}

/* ---- the database */

static int copy_pages(struct store *from, sqlite3 *to, struct err *e)
{
    const struct timespec rest = { .tv_nsec = RETRY_NS };
    sqlite3_backup *b = sqlite3_backup_init(to, "main", from->db, "main");
    int64_t deadline_mono_ns = clock_mono_ns() + from->busy_timeout_ms * NS_PER_MS;
    int rc = SQLITE_BUSY;
    while (b != NULL && (rc == SQLITE_BUSY || rc == SQLITE_LOCKED) &&
           clock_mono_ns() < deadline_mono_ns) {
        rc = sqlite3_backup_step(b, -1);
        if (rc == SQLITE_BUSY || rc == SQLITE_LOCKED)
            nanosleep(&rest, NULL);
    }
    int last = sqlite3_backup_finish(b);
    if (rc == SQLITE_DONE && last == SQLITE_OK)
        return 0;
    return err_set(e, rc == SQLITE_BUSY ? ERR_BUSY : ERR_SYS, sqlite3_system_errno(to),
                   "copy the database: %s", sqlite3_errmsg(to));
}

/* One file, without a log beside it. */
static int seal(sqlite3 *db, struct err *e)
{
    if (sqlite3_exec(db, "PRAGMA journal_mode=DELETE", NULL, NULL, NULL) != SQLITE_OK)
        return err_set(e, ERR_SYS, sqlite3_system_errno(db), "close the copy: %s",
                       sqlite3_errmsg(db));
    return 0;
}

static int copy_database(struct store *from, const char *dir, int dir_fd, struct err *e)
{
    auto_free_ char *path = xasprintf("%s/" DB_FILE_NAME, dir);
    auto_fd_ int fd =
        openat(dir_fd, DB_FILE_NAME, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    sqlite3 *to = NULL;
    if (fd < 0)
        return err_sys(e, "make %s", path);
    close_fd(&fd); /* before SQLite has locks on it */
    int rc = sqlite3_open_v2(path, &to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    int r = rc == SQLITE_OK ? copy_pages(from, to, e)
                            : err_set(e, ERR_SYS, 0, "open %s: %s", path, sqlite3_errstr(rc));
    if (r == 0)
        r = seal(to, e);
    sqlite3_close(to);
    return r;
}

/* ---- looking at a copy */

static int check_pages(struct store *s, struct err *e)
{
    auto_stmt_ struct stmt *q = sql_use_once(s, "PRAGMA integrity_check(1)");
    bool found = false;
    if (sql_row(q, &found, e) < 0)
        return -1;
    auto_free_ char *text = found ? sql_text(q) : NULL;
    if (text == NULL || strcmp(text, "ok") != 0)
        return err_input(e, "the database is damaged: %s", text != NULL ? text : "no answer");
    return 0;
}

static int count(struct store *s, const char *sql, int64_t *ret, struct err *e)
{
    auto_stmt_ struct stmt *q = sql_use_once(s, sql);
    bool found = false;
    if (sql_row(q, &found, e) < 0)
        return -1;
    *ret = found ? sql_int(q) : 0;
    return 0;
}

/* Read all of the copy at `dir`; the numbers of its manifest but for when it was made. */
static int survey(const char *dir, int dir_fd, struct backup_summary *ret, struct err *e)
{
    auto_store_ struct store *s = NULL;
    struct copy_sum files;
    if (copy_digest(dir_fd, DB_FILE_NAME, ret->database_sha256, &ret->database_bytes, e) < 0 ||
        open_reader(dir, &s, e) < 0 || check_pages(s, e) < 0 ||
        copy_check_blobs(s, &files, e) < 0 ||
        count(s, "PRAGMA user_version", &ret->schema_version, e) < 0 ||
        count(s, "SELECT count(*) FROM submission", &ret->submission_count, e) < 0)
        return -1;
    ret->file_count = files.count;
    ret->file_bytes = files.bytes;
    return 0;
}

static bool same_database(const struct backup_summary *a, const struct backup_summary *b)
{
    return a->database_bytes == b->database_bytes &&
           memcmp(a->database_sha256, b->database_sha256, STORE_SHA256_BYTES) == 0;
}

static bool agree(const struct backup_summary *a, const struct backup_summary *b)
{
    return a->schema_version == b->schema_version && a->submission_count == b->submission_count &&
           a->file_count == b->file_count && a->file_bytes == b->file_bytes && same_database(a, b);
}

static int verify(const char *dir, struct backup_summary *ret, struct err *e)
{
    struct backup_summary said, seen = { 0 };
    auto_fd_ int dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir_fd < 0)
        return err_set(e, ERR_INPUT, errno, "open it");
    if (manifest_read(dir_fd, &said, e) < 0)
        return -1;
    if (said.schema_version > migrate_latest())
        return err_input(e,
                         "it has schema version %lld, but this program knows %lld at most: use a "
                         "newer program",
                         (long long)said.schema_version, (long long)migrate_latest());
    bool read = survey(dir, dir_fd, &seen, e) == 0;
    /* Where the damage lies decides whether SQLite meets it first: that is not the host's fault. */
    if (read ? !agree(&said, &seen) : !same_database(&said, &seen))
        return err_input(e, "what is there is not what the manifest says: it is damaged");
    if (!read)
        return -1;
    *ret = said;
    return 0;
}

int backup_verify(const char *dir, struct backup_summary *ret, struct err *e)
{
    return verify(dir, ret, e) < 0 ? err_wrap(e, "backup %s", dir) : 0;
}

/* ---- making one */

static int open_empty(const char *dir, int *ret_fd, struct err *e)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    auto_dir_ DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
    if (d == NULL)
        return err_set(e, ERR_INPUT, errno, "open it");
    for (const struct dirent *entry; (entry = readdir(d)) != NULL;)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            return err_input(e, "expected an empty directory, it holds %s", entry->d_name);
    *ret_fd = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return *ret_fd < 0 ? err_sys(e, "open it") : 0;
}

static int make_folders(int dir_fd, int *ret_blobs_fd, struct err *e)
{
    if (mkdirat(dir_fd, "blobs", 0700) < 0 || mkdirat(dir_fd, "blobs/tmp", 0700) < 0)
        return err_sys(e, "make blobs");
    *ret_blobs_fd = openat(dir_fd, "blobs", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return *ret_blobs_fd < 0 ? err_sys(e, "open blobs") : 0;
}

/* The blobs that the copy refers to: its rows, but the files of the original. */
static int copy_files(const struct store *from, const char *dir, int blobs_fd, struct err *e)
{
    auto_store_ struct store *copy = NULL;
    if (open_reader(dir, &copy, e) < 0)
        return -1;
    if (copy_blobs(copy, from->blobs_fd, blobs_fd, e) < 0 || copy_sync_names(blobs_fd, e) < 0)
        return -1;
    return unlinkat(blobs_fd, "tmp", AT_REMOVEDIR) < 0 ? err_sys(e, "remove blobs/tmp") : 0;
}

static int copy_key(const char *data_dir, int dir_fd, struct err *e)
{
    auto_fd_ int data_fd = open(data_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (data_fd < 0)
        return err_sys(e, "open %s", data_dir);
    if (faccessat(data_fd, KEY_FILE, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
        return 0;
    return copy_file(data_fd, KEY_FILE, dir_fd, KEY_FILE, 0600, e);
}

static int fill(const char *data_dir, const char *dir, int dir_fd, struct err *e)
{
    auto_store_ struct store *from = NULL;
    auto_fd_ int blobs_fd = -1;
    if (open_reader(data_dir, &from, e) < 0 || blob_hold(from, e) < 0 ||
        make_folders(dir_fd, &blobs_fd, e) < 0 || copy_database(from, dir, dir_fd, e) < 0 ||
        copy_files(from, dir, blobs_fd, e) < 0)
        return -1;
    return copy_key(data_dir, dir_fd, e);
}

static int find_store(const char *data_dir, struct err *e)
{
    auto_free_ char *path = xasprintf("%s/" DB_FILE_NAME, data_dir);
    if (access(path, F_OK) < 0)
        return err_input(e, "there is no store: %s: %s", path, strerror(errno));
    return 0;
}

int backup_make(const char *data_dir, const char *dir, struct backup_summary *ret, struct err *e)
{
    struct backup_summary sum = { .created_unix_ms = clock_unix_ms() };
    auto_fd_ int dir_fd = -1;
    if (find_store(data_dir, e) < 0)
        return -1;
    if (open_empty(dir, &dir_fd, e) < 0 || fill(data_dir, dir, dir_fd, e) < 0 ||
        survey(dir, dir_fd, &sum, e) < 0 || manifest_write(dir_fd, &sum, e) < 0)
        return err_wrap(e, "backup %s", dir);
    *ret = sum;
    return 0;
}
