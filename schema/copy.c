/* copy.c - copying blobs and files with their digests; minos-server --backup and --restore. */
#include "schema/copy.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "sandbox/base/cleanup.h"
#include "sandbox/base/io.h"
#include "schema/inner.h"

enum { PIECE_BYTES = 1 << 20, FOLDERS = 256, PAGE_BLOBS = 500 };

/* ---- one file */

static int digest_fd(int fd, char *piece, uint8_t ret[STORE_SHA256_BYTES], int64_t *ret_bytes)
{
    struct store_hash *h = store_hash_new();
    int64_t bytes = 0;
    ssize_t n;
    while ((n = io_read_full(fd, piece, PIECE_BYTES)) > 0) {
        store_hash_add(h, piece, (size_t)n);
        bytes += n;
    }
    store_hash_end(h, ret);
    *ret_bytes = bytes;
    return n < 0 ? -1 : 0;
}

int copy_digest(int dir_fd, const char *name, uint8_t ret[STORE_SHA256_BYTES], int64_t *ret_bytes,
                struct err *e)
{
    auto_fd_ int fd = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    auto_free_ char *piece = xmalloc(PIECE_BYTES);
    if (fd < 0)
        return err_sys(e, "open %s", name);
    (void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    if (digest_fd(fd, piece, ret, ret_bytes) < 0)
        return err_sys(e, "read %s", name);
    return 0;
}

static int copy_all(int from_fd, int to_fd)
{
    auto_free_ char *piece = xmalloc(PIECE_BYTES);
    ssize_t n;
    while ((n = io_read_full(from_fd, piece, PIECE_BYTES)) > 0)
        if (io_write_all(to_fd, piece, (size_t)n) < 0)
            return -1;
    return n < 0 ? -1 : fsync(to_fd);
}

int copy_file(int from_fd, const char *from, int to_fd, const char *to, unsigned mode,
              struct err *e)
{
    auto_fd_ int in = openat(from_fd, from, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (in < 0)
        return err_sys(e, "open %s", from);
    auto_fd_ int out =
        openat(to_fd, to, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
    if (out < 0)
        return err_sys(e, "make %s", to);
    return copy_all(in, out) < 0 ? err_sys(e, "copy %s", from) : 0;
}

/* ---- blobs */

bool copy_digest_fits(int dir_fd, const char *path, const struct blob *b)
{
    uint8_t sha256[STORE_SHA256_BYTES];
    int64_t bytes = 0;
    struct err e;
    return copy_digest(dir_fd, path, sha256, &bytes, &e) == 0 && bytes == b->bytes &&
           memcmp(sha256, b->sha256, sizeof sha256) == 0;
}

struct ends {
    int from_fd, to_fd;
};

/* By a temporary name, so that what bears a digest has it. */
static int copy_blob(const struct ends *ends, const struct blob *b, struct err *e)
{
    int to_fd = ends->to_fd;
    char path[BLOB_PATH_BYTES], id[STORE_ID_BYTES], temporary[STORE_ID_BYTES + sizeof "tmp/"];
    blob_path(b->sha256, path);
    char folder[3] = { path[0], path[1], '\0' };
    if (faccessat(to_fd, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0 && copy_digest_fits(to_fd, path, b))
        return 0;
    store_new_id(id);
    snprintf(temporary, sizeof temporary, "tmp/%s", id);
    if (mkdirat(to_fd, folder, 0700) < 0 && errno != EEXIST)
        return err_sys(e, "make blobs/%s", folder);
    if (copy_file(ends->from_fd, path, to_fd, temporary, 0400, e) < 0)
        return err_wrap(e, "blob");
    if (!copy_digest_fits(to_fd, temporary, b)) {
        unlinkat(to_fd, temporary, 0);
        return err_set(e, ERR_SYS, 0, "blobs/%s is damaged: see `minos fsck`", path);
    }
    return renameat(to_fd, temporary, to_fd, path) < 0 ? err_sys(e, "name blobs/%s", path) : 0;
}

/* The next ones behind `*after`, which moves on. */
static int read_page(struct store *s, int64_t min_bytes, int64_t *after, struct blob *page,
                     size_t *ret_count, struct err *e)
{
    auto_stmt_ struct stmt *q = sql_use(s, "SELECT id, sha256, bytes FROM blob WHERE id > ? AND "
                                           "refs > 0 AND bytes > ? ORDER BY id LIMIT ?");
    sql_bind_int(q, *after);
    sql_bind_int(q, min_bytes);
    sql_bind_int(q, PAGE_BLOBS);
    bool found = false;
    *ret_count = 0;
    while (sql_row(q, &found, e) == 0) {
        if (!found)
            return 0;
        blob_read(q, &page[*ret_count]);
        *after = page[(*ret_count)++].row;
    }
    return -1;
}

/* A page at a time, so that no reading transaction lasts while bytes are read: the log of a store
 * in use could not be emptied meanwhile. */
int copy_each_blob(struct store *s, int64_t min_bytes,
                   int (*each)(void *ctx, struct store *s, const struct blob *b, struct err *e),
                   void *ctx, struct err *e)
{
    auto_free_ struct blob *page = xcalloc(PAGE_BLOBS, sizeof *page);
    int64_t after = 0;
    size_t count = PAGE_BLOBS;
    while (count == PAGE_BLOBS) {
        if (read_page(s, min_bytes, &after, page, &count, e) < 0)
            return -1;
        for (size_t i = 0; i < count; i++)
            if (each(ctx, s, &page[i], e) < 0)
                return -1;
    }
    return 0;
}

static int copy_each(void *ctx, struct store *s, const struct blob *b, struct err *e)
{
    (void)s;
    return copy_blob(ctx, b, e);
}

int copy_blobs(struct store *s, int from_fd, int to_fd, struct err *e)
{
    struct ends ends = { from_fd, to_fd };
    return copy_each_blob(s, DB_BLOB_INLINE_BYTES, copy_each, &ends, e);
}

int copy_sync_names(int blobs_fd, struct err *e)
{
    for (int i = 0; i < FOLDERS; i++) {
        char folder[3];
        snprintf(folder, sizeof folder, "%02x", (unsigned)i);
        auto_fd_ int fd = openat(blobs_fd, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0 && errno == ENOENT)
            continue;
        if (fd < 0 || fsync(fd) < 0)
            return err_sys(e, "sync blobs/%s", folder);
    }
    return fsync(blobs_fd) < 0 ? err_sys(e, "sync blobs") : 0;
}

/* ---- comparing */

static int check_file(const struct store *s, const struct blob *b, struct copy_sum *sum,
                      struct err *e)
{
    char path[BLOB_PATH_BYTES];
    blob_path(b->sha256, path);
    if (faccessat(s->blobs_fd, path, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
        return err_input(e, "blobs/%s is missing", path);
    if (!copy_digest_fits(s->blobs_fd, path, b))
        return err_input(e, "blobs/%s is damaged", path);
    sum->count++;
    sum->bytes += b->bytes;
    return 0;
}

static int check_inside(struct store *s, const struct blob *b, struct err *e)
{
    uint8_t sha256[STORE_SHA256_BYTES];
    auto_buf_ struct buf data = { 0 };
    if (blob_get(s, b, &data, e) < 0)
        return -1;
    store_sha256(buf_text(&data), data.len, sha256);
    if ((int64_t)data.len != b->bytes || memcmp(sha256, b->sha256, sizeof sha256) != 0)
        return err_input(e, "the bytes of blob %lld are damaged", (long long)b->row);
    return 0;
}

static int check_each(void *ctx, struct store *s, const struct blob *b, struct err *e)
{
    return b->bytes > DB_BLOB_INLINE_BYTES ? check_file(s, b, ctx, e) : check_inside(s, b, e);
}

int copy_check_blobs(struct store *s, struct copy_sum *ret_files, struct err *e)
{
    *ret_files = (struct copy_sum){ 0 };
    return copy_each_blob(s, -1, check_each, ret_files, e);
}
