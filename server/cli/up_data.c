/*
 * up_data.c - the data directory of `minos up`; as root, or as the ordinary user who started it.
 *
 * The service user owns the directory, so once the service has run, everything below may be a trap
 * for root: here each step goes by descriptor, one name at a time, with O_NOFOLLOW.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "sandbox/base/cleanup.h"
#include "sandbox/base/clock.h"
#include "sandbox/base/io.h"
#include "server/cli/up.h"

enum {
    /* run/worker-4194304-255.sock must fit into sun_path (108). */
    PATH_BYTES_MAX = 76,
    PREDECESSOR_MS = 10000,
    LANGUAGE_BYTES_MAX = 1 << 20,
};

int up_find_ids(const char *user, struct up_ids *ret, struct err *e)
{
    if (geteuid() != 0) {
        *ret = (struct up_ids){ geteuid(), getegid() };
        return 0;
    }
    const struct passwd *pw = getpwnam(user);
    *ret = (struct up_ids){ UP_FALLBACK_ID, UP_FALLBACK_ID };
    if (pw != NULL)
        *ret = (struct up_ids){ pw->pw_uid, pw->pw_gid };
    if (ret->uid == 0 || ret->gid == 0)
        return err_input(e, "box.user: expected an ordinary user, \"%s\" has root's ids", user);
    return 0;
}

/* The absolute path with everything but the last name resolved. */
static int absolute(const char *path, char **ret, struct err *e)
{
    auto_free_ char *one = xstrdup(path), *two = xstrdup(path);
    const char *name = basename(one), *parent = dirname(two);
    if (path[0] == '\0' || strcmp(name, "/") == 0 || strcmp(name, ".") == 0 ||
        strcmp(name, "..") == 0)
        return err_input(e,
                         "data directory: expected the path of a directory of its own, got "
                         "\"%s\"",
                         path);
    auto_free_ char *real = realpath(parent, NULL);
    if (real == NULL)
        return err_input(e, "data directory: %s: %s", parent, strerror(errno));
    auto_free_ char *whole = xasprintf("%s/%s", strcmp(real, "/") == 0 ? "" : real, name);
    if (strlen(whole) > PATH_BYTES_MAX)
        return err_input(e,
                         "data directory: expected at most %d bytes of path (sockets live below "
                         "it), got %zu: %s",
                         PATH_BYTES_MAX, strlen(whole), whole);
    *ret = take_ptr(&whole);
    return 0;
}

static int is_empty(int dirfd, bool *ret, struct err *e)
{
    int copy = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    auto_dir_ DIR *d = copy >= 0 ? fdopendir(copy) : NULL;
    if (d == NULL)
        return err_sys(e, "data directory");
    *ret = true;
    for (const struct dirent *entry; (entry = readdir(d)) != NULL;)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            *ret = false;
    return 0;
}

/* Make `name` below dirfd (or take it as it is) and open it. A new one belongs to `ids`. */
static int open_dir(int dirfd, const char *name, const struct up_ids *ids, int *ret_fd,
                    struct err *e)
{
    bool made = mkdirat(dirfd, name, 0700) == 0;
    if (!made && errno == EACCES && geteuid() != 0)
        return err_input(
            e, "make %s: not allowed to this user; name a directory of yours: --data DIR", name);
    if (!made && errno != EEXIST)
        return err_sys(e, "make %s", name);
    auto_fd_ int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 && (errno == ELOOP || errno == ENOTDIR))
        return err_input(e, "%s: expected a directory, and no link to one", name);
    if (fd < 0)
        return err_sys(e, "open %s", name);
    if (made && fchown(fd, ids->uid, ids->gid) < 0)
        return err_sys(e, "give %s to the service user", name);
    *ret_fd = take_fd(&fd);
    return 0;
}

/* Ours by owner, or empty and root's, which is made ours; anything else is somebody's data. */
static int own(const char *path, int fd, const struct up_ids *ids, struct err *e)
{
    struct stat st;
    bool empty = false;
    if (fstat(fd, &st) < 0)
        return err_sys(e, "%s", path);
    if (st.st_uid != ids->uid && is_empty(fd, &empty, e) < 0)
        return -1;
    if (st.st_uid != ids->uid && !(st.st_uid == geteuid() && empty))
        return err_input(e,
                         "%s: expected an empty directory or one of user %u, it belongs to user "
                         "%u; if it is Minos' own: chown -R %u:%u %s",
                         path, ids->uid, st.st_uid, ids->uid, ids->gid, path);
    if (st.st_uid != ids->uid && fchown(fd, ids->uid, ids->gid) < 0)
        return err_sys(e, "give %s to the service user", path);
    if ((st.st_mode & 07777) != 0700 && fchmod(fd, 0700) < 0)
        return err_sys(e, "close %s to others", path);
    return 0;
}

/* Whether a `minos-box listen` still answers there. */
static bool box_answers(const struct up_data *d)
{
    struct sockaddr_un sa = { .sun_family = AF_UNIX };
    auto_free_ char *path = xasprintf("%s/run/box.sock", d->path);
    auto_fd_ int sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (sock < 0 || strlen(path) >= sizeof sa.sun_path)
        return false;
    memcpy(sa.sun_path, path, strlen(path));
    return connect(sock, (struct sockaddr *)&sa, sizeof sa) == 0;
}

/* A `minos up` that was killed leaves children that end by themselves a little later. */
static int await_predecessor(const struct up_data *d, struct err *e)
{
    struct timespec rest = { .tv_nsec = 50 * NS_PER_MS };
    int64_t deadline_mono_ns = clock_mono_ns() + PREDECESSOR_MS * NS_PER_MS;
    while (box_answers(d)) {
        if (clock_mono_ns() > deadline_mono_ns)
            return err_busy(e, "%s/run/box.sock: a minos-box serves there, but no `minos up`",
                            d->path);
        nanosleep(&rest, NULL);
    }
    return 0;
}

static void remove_sockets(int run_fd)
{
    int copy = openat(run_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    auto_dir_ DIR *d = copy >= 0 ? fdopendir(copy) : NULL;
    if (d == NULL)
        return;
    for (const struct dirent *entry; (entry = readdir(d)) != NULL;) {
        struct stat st;
        if (fstatat(run_fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISSOCK(st.st_mode))
            (void)!unlinkat(run_fd, entry->d_name, 0);
    }
}

static int fill(struct up_data *d, const char *path, const struct up_ids *ids, struct err *e)
{
    if (absolute(path, &d->path, e) < 0 || open_dir(AT_FDCWD, d->path, ids, &d->fd, e) < 0 ||
        own(d->path, d->fd, ids, e) < 0 || open_dir(d->fd, "run", ids, &d->run_fd, e) < 0)
        return -1;
    /* run/ is locked, not the data directory: that lock is the store's, for migrations. */
    if (flock(d->run_fd, LOCK_EX | LOCK_NB) < 0)
        return errno == EWOULDBLOCK
                   ? err_busy(e, "%s: another `minos up` serves from there", d->path)
                   : err_sys(e, "lock %s/run", d->path);
    if (await_predecessor(d, e) < 0)
        return -1;
    remove_sockets(d->run_fd);
    return 0;
}

int up_data_open(const char *path, const struct up_ids *ids, struct up_data *ret, struct err *e)
{
    struct up_data d = { .fd = -1, .run_fd = -1 };
    if (fill(&d, path, ids, e) < 0) {
        close_fd(&d.run_fd);
        close_fd(&d.fd);
        free(d.path);
        return -1;
    }
    *ret = d;
    return 0;
}

void up_data_close(struct up_data *d)
{
    if (d->run_fd >= 0)
        remove_sockets(d->run_fd);
    close_fd(&d->run_fd);
    close_fd(&d->fd); /* and with it goes the lock */
    free(d->path);
    *d = (struct up_data){ .fd = -1, .run_fd = -1 };
}

static int copy_file(int from_fd, int to_fd, const char *name, const struct up_ids *ids,
                     struct err *e)
{
    auto_buf_ struct buf text = { 0 };
    if (io_read_file(from_fd, name, LANGUAGE_BYTES_MAX, &text, e) < 0)
        return -1;
    (void)!unlinkat(to_fd, name, 0); /* an older copy */
    auto_fd_ int fd =
        openat(to_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0 || fchown(fd, ids->uid, ids->gid) < 0 ||
        io_write_all(fd, buf_text(&text), text.len) < 0)
        return err_sys(e, "copy %s", name);
    return 0;
}

int up_data_stage(struct up_data *d, const char *from, const struct up_ids *ids, char **ret_path,
                  struct err *e)
{
    auto_fd_ int to_fd = -1;
    auto_dir_ DIR *dir = opendir(from);
    if (dir == NULL)
        return err_sys(e, "%s", from);
    if (open_dir(d->run_fd, "languages", ids, &to_fd, e) < 0)
        return -1;
    for (const struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        const char *dot = strrchr(entry->d_name, '.');
        if (dot == NULL || strcmp(dot, ".yaml") != 0)
            continue;
        if (copy_file(dirfd(dir), to_fd, entry->d_name, ids, e) < 0)
            return err_wrap(e, "%s", from);
    }
    *ret_path = xasprintf("%s/run/languages", d->path);
    return 0;
}
