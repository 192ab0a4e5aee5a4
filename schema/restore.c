/*
 * restore.c - a backup becomes a data directory; minos-server --restore.
 *
 * Order, and why:
 *   1. The backup is read whole and compared: a damaged one changes nothing.
 *   2. The data directory is locked as by any opener, and nobody may have its database open: SQLite
 *      keeps a lock on the file for as long as a connection in write-ahead mode lives.
 *   3. minos.db.restoring is made. From here on, store_open refuses the directory, unless there is
 *      still an old database, which goes on being the one.
 *   4. The blobs. They disturb nobody: a file that no row names is waste.
 *   5. The database, as minos.db.restoring, read back.
 *   6. The old database, if any, becomes minos.db.replaced, and the new one minos.db.
 * Killed before 6 is over, it leaves the old database or a directory that is refused; either way
 * the same command takes it up again.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "sandbox/base/cleanup.h"
#include "schema/backup.h"
#include "schema/copy.h"
#include "schema/inner.h"

#define REPLACED_NAME DB_FILE_NAME ".replaced"
#define KEY_FILE "admin.key"

enum {
    LOCKS_BEGIN = 0x40000000, /* of the database file: "PENDING_BYTE" and what follows it */
    LOCKS_BYTES = 512,
};

struct restore {
    const char *backup_dir, *data_dir;
    struct backup_summary said;
    int from_fd, to_fd, from_blobs_fd, blobs_fd;
    bool replace;
};

static void restore_done(struct restore *r)
{
    close_fd(&r->from_fd);
    close_fd(&r->to_fd); /* and with it goes the lock */
    close_fd(&r->from_blobs_fd);
    close_fd(&r->blobs_fd);
}

static bool is_there(int dir_fd, const char *name)
{
    return faccessat(dir_fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

int db_check_unused(int dir_fd, const char *data_dir, struct err *e)
{
    struct flock lock = { .l_type = F_WRLCK, .l_start = LOCKS_BEGIN, .l_len = LOCKS_BYTES };
    auto_fd_ int fd = openat(dir_fd, DB_FILE_NAME, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        return 0;
    if (fd < 0 || fcntl(fd, F_OFD_GETLK, &lock) < 0)
        return err_sys(e, "look for locks of %s/" DB_FILE_NAME, data_dir);
    if (lock.l_type != F_UNLCK)
        return err_busy(e, "%s is in use: stop the service first", data_dir);
    return 0;
}

static int take_directory(struct restore *r, struct err *e)
{
    r->to_fd = open(r->data_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (r->to_fd < 0)
        return err_sys(e, "open %s", r->data_dir);
    if (flock(r->to_fd, LOCK_EX | LOCK_NB) < 0)
        return errno == EWOULDBLOCK
                   ? err_busy(e, "%s is in use: stop the service first", r->data_dir)
                   : err_sys(e, "lock %s", r->data_dir);
    if (db_check_unused(r->to_fd, r->data_dir, e) < 0)
        return -1;
    if (is_there(r->to_fd, DB_FILE_NAME) && !r->replace)
        return err_input(e,
                         "%s has a database already: name another directory, or say --replace, "
                         "which keeps the old one as " REPLACED_NAME,
                         r->data_dir);
    return 0;
}

/* A name of ours, empty: the sign that a restore is on its way. */
static int leave_sign(struct restore *r, struct err *e)
{
    auto_fd_ int fd =
        openat(r->to_fd, DB_RESTORING_NAME, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0 || fsync(r->to_fd) < 0)
        return err_sys(e, "make %s/" DB_RESTORING_NAME, r->data_dir);
    return 0;
}

static int restore_blobs(struct restore *r, struct err *e)
{
    const struct store_options opt = { .data_dir = r->backup_dir,
                                       .read_only = true,
                                       .any_version = true };
    struct store *s = NULL;
    if ((mkdirat(r->to_fd, "blobs", 0700) < 0 && errno != EEXIST) ||
        (mkdirat(r->to_fd, "blobs/tmp", 0700) < 0 && errno != EEXIST))
        return err_sys(e, "make %s/blobs", r->data_dir);
    r->blobs_fd = openat(r->to_fd, "blobs", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    r->from_blobs_fd = openat(r->from_fd, "blobs", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (r->blobs_fd < 0 || r->from_blobs_fd < 0)
        return err_sys(e, "open blobs of %s and %s", r->data_dir, r->backup_dir);
    int rc = store_open(&opt, &s, e);
    if (rc == 0)
        rc = copy_blobs(s, r->from_blobs_fd, r->blobs_fd, e);
    store_close(s);
    return rc < 0 ? -1 : copy_sync_names(r->blobs_fd, e);
}

static int restore_database(struct restore *r, struct err *e)
{
    uint8_t sha256[STORE_SHA256_BYTES];
    int64_t bytes = 0;
    static const char *const copy = DB_RESTORING_NAME ".new";
    (void)unlinkat(r->to_fd, copy, 0); /* of one that was interrupted */
    if (copy_file(r->from_fd, DB_FILE_NAME, r->to_fd, copy, 0600, e) < 0 ||
        copy_digest(r->to_fd, copy, sha256, &bytes, e) < 0)
        return err_wrap(e, "in %s", r->data_dir);
    if (memcmp(sha256, r->said.database_sha256, sizeof sha256) != 0)
        return err_set(e, ERR_SYS, 0, "%s/%s: was not written as it was read", r->data_dir, copy);
    if (renameat(r->to_fd, copy, r->to_fd, DB_RESTORING_NAME) < 0)
        return err_sys(e, "name %s/" DB_RESTORING_NAME, r->data_dir);
    return 0;
}

/* The keys come with the database, so their file does as well. */
static int restore_key(struct restore *r, struct err *e)
{
    if (!is_there(r->from_fd, KEY_FILE))
        return 0;
    (void)unlinkat(r->to_fd, KEY_FILE ".new", 0);
    if (copy_file(r->from_fd, KEY_FILE, r->to_fd, KEY_FILE ".new", 0600, e) < 0)
        return -1;
    if (renameat(r->to_fd, KEY_FILE ".new", r->to_fd, KEY_FILE) < 0)
        return err_sys(e, "name %s/" KEY_FILE, r->data_dir);
    return 0;
}

/* The database, and then its log, without which it would be an older one: whoever is killed in
 * between leaves no database, and the next goes on. So no database ever meets another's log. */
static int put_old_aside(struct restore *r, struct err *e)
{
    static const char *const parts[] = { "", "-wal", "-shm", "-journal" };
    for (size_t i = 0; i < ARRAY_COUNT(parts); i++) {
        auto_free_ char *from = xasprintf("%s%s", DB_FILE_NAME, parts[i]);
        auto_free_ char *to = xasprintf("%s%s", REPLACED_NAME, parts[i]);
        if (renameat(r->to_fd, from, r->to_fd, to) < 0 && errno != ENOENT)
            return err_sys(e, "rename %s/%s", r->data_dir, from);
    }
    return 0;
}

static int put_new_in_place(struct restore *r, struct err *e)
{
    if (renameat(r->to_fd, DB_RESTORING_NAME, r->to_fd, DB_FILE_NAME) < 0 || fsync(r->to_fd) < 0)
        return err_sys(e, "name %s/" DB_FILE_NAME, r->data_dir);
    return 0;
}

static int run(struct restore *r, struct err *e)
{
    if (backup_verify(r->backup_dir, &r->said, e) < 0)
        return -1;
    r->from_fd = open(r->backup_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (r->from_fd < 0)
        return err_sys(e, "open %s", r->backup_dir);
    if (take_directory(r, e) < 0 || leave_sign(r, e) < 0 || restore_blobs(r, e) < 0 ||
        restore_database(r, e) < 0 || put_old_aside(r, e) < 0 || restore_key(r, e) < 0)
        return -1;
    return put_new_in_place(r, e);
}

int backup_restore(const char *dir, const char *data_dir, bool replace, struct backup_summary *ret,
                   struct err *e)
{
    struct restore r = { .backup_dir = dir,
                         .data_dir = data_dir,
                         .from_fd = -1,
                         .to_fd = -1,
                         .from_blobs_fd = -1,
                         .blobs_fd = -1,
                         .replace = replace };
    int rc = run(&r, e);
    restore_done(&r);
    if (rc < 0)
        return err_wrap(e, "restore");
    *ret = r.said;
    return 0;
}
