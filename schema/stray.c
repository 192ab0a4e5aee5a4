/*
 * stray.c - files below blobs/ that no row names: what a program staged that died, or was refused,
 * before its commit; server, while it prunes.
 *
 * A file goes only when all of this holds:
 *   1. No row of the blob table names it, looked up inside the write transaction in which it is
 *      removed. blob.c's third invariant does the rest: whoever stages or puts the same bytes
 *      meanwhile looks again inside his own transaction, and writes the file anew.
 *   2. It is older than the grace, so that what is being staged is not written twice.
 *   3. It was written since this database file was made. Blobs that lie beside a database that is
 *      new, or newly restored, may belong to the one that was there before: they are left alone.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "sandbox/base/cleanup.h"
#include "sandbox/base/clock.h"
#include "schema/inner.h"

enum {
    FOLDERS = 256,
    LOOK_MOST = 1024, /* files that one call looks at, but for the rest of a folder */
};

/* When a file must have been written to be a stray. */
struct window {
    int64_t from_unix_ns, before_unix_ns;
};

static int64_t unix_ns(int64_t sec, int64_t nsec)
{
    return sec * NS_PER_S + nsec;
}

/* False where the file system does not tell when a file was made. */
static bool find_window(const struct store *s, struct window *ret)
{
    struct statx st;
    auto_free_ char *path = xasprintf("%s/%s", s->data_dir, DB_FILE_NAME);
    if (statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_BTIME, &st) < 0 ||
        (st.stx_mask & STATX_BTIME) == 0)
        return false;
    ret->from_unix_ns = unix_ns(st.stx_btime.tv_sec, st.stx_btime.tv_nsec);
    ret->before_unix_ns = (clock_unix_ms() - s->blob_grace_ms) * NS_PER_MS;
    return true;
}

static bool is_in(const struct window *w, int dir_fd, const char *name)
{
    struct stat st;
    if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
        return false;
    int64_t written_unix_ns = unix_ns(st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
    return written_unix_ns >= w->from_unix_ns && written_unix_ns < w->before_unix_ns;
}

static int has_row(struct store *s, const uint8_t *sha256, bool *ret, struct err *e)
{
    auto_stmt_ struct stmt *q = sql_use(s, "SELECT 1 FROM blob WHERE epoch = 0 AND sha256 = ?");
    sql_bind_blob(q, sha256, STORE_SHA256_BYTES);
    return sql_row(q, ret, e);
}

static int remove_stray(struct store *s, int dir_fd, const char *name, const uint8_t *sha256,
                        struct err *e)
{
    auto_tx_ struct tx t = { 0 };
    bool found = false;
    if (tx_begin(&t, s, STORE_RELAXED, e) < 0 || has_row(s, sha256, &found, e) < 0)
        return -1;
    if (found || !blob_may_remove(s))
        return 0;
    bool removed = unlinkat(dir_fd, name, 0) == 0 || errno == ENOENT;
    blob_let_go(s);
    return removed ? 0 : err_sys(e, "remove %s/blobs/%.2s/%s", s->data_dir, name, name);
}

static int sweep_folder(struct store *s, const char *folder, const struct window *w,
                        int64_t *looked, struct err *e)
{
    auto_fd_ int fd = openat(s->blobs_fd, folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    auto_dir_ DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    if (dir == NULL)
        return errno == ENOENT ? 0 : err_sys(e, "read %s/blobs/%s", s->data_dir, folder);
    int dir_fd = take_fd(&fd); /* the stream closes it */
    for (struct dirent *d = readdir(dir); d != NULL; d = readdir(dir)) {
        uint8_t sha256[STORE_SHA256_BYTES];
        bool found = false;
        if (!store_unhex(d->d_name, sha256) || memcmp(d->d_name, folder, 2) != 0)
            continue;
        ++*looked;
        if (!is_in(w, dir_fd, d->d_name))
            continue;
        if (has_row(s, sha256, &found, e) < 0 ||
            (!found && remove_stray(s, dir_fd, d->d_name, sha256, e) < 0))
            return -1;
    }
    return 0;
}

/* Beside others: those that are being written have no row yet, so only old ones count. */
static int each_in_folder(struct store *s, const char *folder,
                          int (*each)(void *ctx, const char *name), void *ctx, struct err *e)
{
    auto_fd_ int fd = openat(s->blobs_fd, folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    auto_dir_ DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    int64_t before_unix_ns = (clock_unix_ms() - s->blob_grace_ms) * NS_PER_MS;
    const struct window old = { INT64_MIN, before_unix_ns };
    if (dir == NULL)
        return errno == ENOENT ? 0 : err_sys(e, "read %s/blobs/%s", s->data_dir, folder);
    int dir_fd = take_fd(&fd); /* the stream closes it */
    for (struct dirent *d = readdir(dir); d != NULL; d = readdir(dir)) {
        uint8_t sha256[STORE_SHA256_BYTES];
        bool found = false;
        if (!store_unhex(d->d_name, sha256) || !is_in(&old, dir_fd, d->d_name))
            continue;
        if (has_row(s, sha256, &found, e) < 0)
            return -1;
        if (!found && each(ctx, d->d_name) != 0)
            return 0;
    }
    return 0;
}

int stray_each(struct store *s, int (*each)(void *ctx, const char *name), void *ctx, struct err *e)
{
    for (int i = 0; i < FOLDERS; i++) {
        char folder[3];
        snprintf(folder, sizeof folder, "%02x", (unsigned)i);
        if (each_in_folder(s, folder, each, ctx, e) < 0)
            return -1;
    }
    return 0;
}

int stray_sweep_all(struct store *s, struct err *e)
{
    for (int i = 0; i < FOLDERS; i++)
        if (stray_sweep(s, e) < 0)
            return -1;
    return 0;
}

int stray_sweep(struct store *s, struct err *e)
{
    struct window w;
    int64_t looked = 0;
    if (!find_window(s, &w))
        return 0;
    for (int i = 0; i < FOLDERS && looked < LOOK_MOST; i++) {
        char folder[3];
        snprintf(folder, sizeof folder, "%02x", (unsigned)s->stray_folder);
        s->stray_folder = (uint8_t)(s->stray_folder + 1);
        if (sweep_folder(s, folder, &w, &looked, e) < 0)
            return -1;
    }
    return 0;
}
