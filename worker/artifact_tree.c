/* artifact_tree.c - writes and removes the directory of one artifact; slots and supervisor. */
#include "worker/artifact_tree.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "sandbox/base/buf.h"
#include "sandbox/base/cleanup.h"

/* The keeper has checked the names, but it is another program: they are checked again. */
static bool name_safe(const char *name)
{
    for (const char *p = name;; p++) {
        size_t len = strcspn(p, "/");
        if (len == 0 || (len == 1 && p[0] == '.') || (len == 2 && p[0] == '.' && p[1] == '.'))
            return false;
        p += len;
        if (*p == '\0')
            return true;
    }
}

static int open_beneath(int dir_fd, const char *name, int flags, mode_t mode)
{
    struct open_how how = {
        .flags = (__u64)(unsigned)flags | O_CLOEXEC,
        .mode = mode,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS,
    };
    return (int)syscall(SYS_openat2, dir_fd, name, &how, sizeof(how));
}

static int make_parents(int dir_fd, const char *name, struct err *e)
{
    auto_free_ char *path = xstrdup(name);
    for (char *slash = path; (slash = strchr(slash, '/')) != NULL; *slash++ = '/') {
        *slash = '\0';
        if (mkdirat(dir_fd, path, 0755) == 0) {
            auto_fd_ int fd = open_beneath(dir_fd, path, O_RDONLY | O_DIRECTORY, 0);
            if (fd < 0 || fchmod(fd, 0755) != 0)
                return err_sys(e, "make %s", path);
        } else if (errno != EEXIST) {
            return err_sys(e, "make %s", path);
        }
    }
    return 0;
}

static int copy_bytes(int from, int to, int64_t bytes)
{
    off_t at = 0;
    while (at < bytes) {
        ssize_t n = sendfile(to, from, &at, (size_t)(bytes - at));
        if (n == 0)
            errno = EIO; /* shorter than it was said to be */
        if (n <= 0 && errno != EINTR)
            return -1;
    }
    return 0;
}

static int write_file(int dir_fd, const struct box_collected *f, struct err *e)
{
    if (!name_safe(f->name))
        return err_bug(e, "artifact file name leaves its directory");
    if (make_parents(dir_fd, f->name, e) != 0)
        return -1;
    auto_fd_ int fd = open_beneath(dir_fd, f->name, O_WRONLY | O_CREAT | O_EXCL, 0600);
    if (fd < 0 || copy_bytes(f->fd, fd, f->bytes) != 0 ||
        fchmod(fd, f->executable ? 0755 : 0644) != 0 || fsync(fd) != 0)
        return err_sys(e, "write artifact file %s", f->name);
    return 0;
}

int artifact_tree_write(int dir_fd, const char *name, const struct box_collected *files,
                        size_t count, struct err *e)
{
    if (mkdirat(dir_fd, name, 0755) != 0)
        return err_sys(e, "make artifact directory");
    auto_fd_ int fd = open_beneath(dir_fd, name, O_RDONLY | O_DIRECTORY, 0);
    if (fd < 0 || fchmod(fd, 0755) != 0)
        return err_sys(e, "open artifact directory");
    for (size_t i = 0; i < count; i++) {
        if (write_file(fd, &files[i], e) != 0)
            return -1;
    }
    if (fsync(fd) != 0)
        return err_sys(e, "sync artifact directory");
    return 0;
}

/* Depth is that of what artifact_tree_write made: BOX_COLLECT_DEPTH_MAX. */
static int add_sizes(int dir_fd, const char *name, int64_t *sum, struct err *e)
{
    auto_fd_ int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    auto_dir_ DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
    if (d == NULL)
        return err_sys(e, "list an artifact");
    int list_fd = take_fd(&fd); /* the stream closes it */
    for (const struct dirent *entry; (entry = readdir(d)) != NULL;) {
        struct stat st;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if (fstatat(list_fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0)
            return err_sys(e, "look at an artifact's file");
        if (S_ISDIR(st.st_mode) && add_sizes(list_fd, entry->d_name, sum, e) != 0)
            return -1;
        *sum += S_ISREG(st.st_mode) ? st.st_size : 0;
    }
    return 0;
}

int artifact_tree_sum(int dir_fd, const char *name, int64_t *ret_bytes, struct err *e)
{
    int64_t sum = 0;
    if (add_sizes(dir_fd, name, &sum, e) != 0)
        return -1;
    *ret_bytes = sum;
    return 0;
}

void artifact_tree_read_ahead(int dir_fd, const char *name)
{
    auto_fd_ int fd = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) != 0)
        return;
    if (!S_ISDIR(st.st_mode)) {
        (void)posix_fadvise(fd, 0, 0, POSIX_FADV_WILLNEED);
        return;
    }
    auto_fd_ int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    auto_dir_ DIR *d = copy >= 0 ? fdopendir(copy) : NULL;
    if (d == NULL)
        return;
    take_fd(&copy);
    for (const struct dirent *entry; (entry = readdir(d)) != NULL;)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            artifact_tree_read_ahead(fd, entry->d_name);
}

static int remove_children(int fd, struct err *e)
{
    auto_fd_ int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    auto_dir_ DIR *d = copy >= 0 ? fdopendir(copy) : NULL;
    if (d == NULL)
        return err_sys(e, "list an artifact");
    take_fd(&copy);
    for (const struct dirent *entry; (entry = readdir(d)) != NULL;) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if (artifact_tree_remove(fd, entry->d_name, e) != 0)
            return -1;
    }
    return 0;
}

/* Depth is that of what artifact_tree_write made: BOX_COLLECT_DEPTH_MAX. */
int artifact_tree_remove(int dir_fd, const char *name, struct err *e)
{
    if (unlinkat(dir_fd, name, 0) == 0 || errno == ENOENT)
        return 0;
    if (errno != EISDIR)
        return err_sys(e, "remove %s", name);
    auto_fd_ int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        return 0;
    if (fd < 0)
        return err_sys(e, "open %s", name);
    if (remove_children(fd, e) != 0)
        return -1;
    if (unlinkat(dir_fd, name, AT_REMOVEDIR) != 0 && errno != ENOENT)
        return err_sys(e, "remove %s", name);
    return 0;
}
