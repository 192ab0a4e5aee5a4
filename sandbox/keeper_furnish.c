/*
 * keeper_furnish.c - laying artifact and files into a cell; runs as root in the keeper, before
 * anything of the job has run.
 *
 * The directory of artifacts is the client's, who may change it while we look. So everything is
 * opened beneath a descriptor, without links and without leaving its mount, and only what is then
 * seen to be a directory or a regular file is used; sizes are held to what was planned. In the
 * cell, names meet only what the keeper itself made.
 */
#include "sandbox/keeper_furnish.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "sandbox/base/buf.h"
#include "sandbox/base/cleanup.h"
#include "sandbox/base/files.h"

#define LARGE_FILES "/artifact" /* where the overlay is, in the keeper's namespace */
enum { PAGE_BYTES = 4096 };

static int open_beneath(int dir_fd, const char *path, int flags)
{
    struct open_how how = {
        .flags = (uint64_t)(unsigned)flags | O_NOFOLLOW | O_CLOEXEC,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV,
    };
    return (int)syscall(SYS_openat2, dir_fd, path, &how, sizeof how);
}

/* ---- looking through an artifact
 * ----------------------------------------------------------------------------- */

static bool artifact_name_valid(const char *name)
{
    return strlen(name) == 64 && strspn(name, "0123456789abcdef") == 64;
}

static int artifact_open(const char *artifact, int *ret_fd, struct err *e)
{
    if (!artifact_name_valid(artifact))
        return err_input(e, "artifact: expected 64 hex digits");
    auto_fd_ int all = open("/artifacts", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (all < 0)
        return err_sys(e, "open the artifacts");
    *ret_fd = open_beneath(all, artifact, O_RDONLY | O_DIRECTORY);
    if (*ret_fd < 0 && (errno == ELOOP || errno == ENOTDIR || errno == EXDEV))
        return err_input(e, "artifact %s: expected a directory", artifact);
    return *ret_fd < 0 ? err_sys(e, "open artifact %s", artifact) : 0;
}

static enum furnish_way way_of_file(const struct furnish_artifact *a, int64_t bytes)
{
    return bytes <= FURNISH_COPY_MAX_BYTES && a->copied_bytes + bytes <= FURNISH_COPIES_MAX_BYTES
               ? FURNISH_COPY
               : FURNISH_MOUNT;
}

static int add_entry(struct furnish_artifact *a, const char *path, const struct stat *st,
                     struct err *e)
{
    bool is_dir = S_ISDIR(st->st_mode);
    if (a->entry_count >= FURNISH_ENTRIES_MAX ||
        (!is_dir && a->file_count >= BOX_COLLECT_FILES_MAX))
        return err_input(e, "artifact: expected at most %d files and %d entries",
                         (int)BOX_COLLECT_FILES_MAX, (int)FURNISH_ENTRIES_MAX);
    if ((a->entry_count & (a->entry_count - 1)) == 0) /* room for 1, 2, 4, 8... */
        a->entries = xrealloc(a->entries,
                              (a->entry_count == 0 ? 1 : 2 * a->entry_count) * sizeof *a->entries);
    struct furnish_entry *n = &a->entries[a->entry_count++];
    *n = (struct furnish_entry){ .path = xstrdup(path),
                                 .way = is_dir ? FURNISH_DIRECTORY : way_of_file(a, st->st_size),
                                 .bytes = st->st_size,
                                 .executable = (st->st_mode & S_IXUSR) != 0,
                                 .changed = st->st_mtim };
    a->file_count += !is_dir;
    if (n->way == FURNISH_COPY)
        a->copied_bytes += (n->bytes + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;
    return 0;
}

/* `path` ends at path_len, and has room for what is below. */
static int look_into(struct furnish_artifact *a, int dir_fd, char path[PATH_MAX], size_t path_len,
                     int depth, struct err *e)
{
    int own = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    auto_dir_ DIR *d = own >= 0 ? fdopendir(own) : NULL;
    if (d == NULL) {
        err_sys(e, "list artifact");
        close_fd(&own);
        return -1;
    }
    for (struct dirent *entry; (entry = readdir(d)) != NULL;) {
        const char *name = entry->d_name;
        struct stat st;
        if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
            continue;
        int n =
            snprintf(path + path_len, PATH_MAX - path_len, "%s%s", path_len > 0 ? "/" : "", name);
        if ((size_t)n >= PATH_MAX - path_len)
            return err_input(e, "artifact: a path is too long");
        if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
            return err_sys(e, "artifact file %s", path);
        bool is_dir = S_ISDIR(st.st_mode);
        if ((!is_dir && !S_ISREG(st.st_mode)) || (is_dir && depth >= BOX_COLLECT_DEPTH_MAX))
            return err_input(e,
                             "artifact file %s: expected a regular file, or a directory at most %d"
                             " deep",
                             path, (int)BOX_COLLECT_DEPTH_MAX);
        if (add_entry(a, path, &st, e) < 0)
            return -1;
        if (!is_dir)
            continue;
        auto_fd_ int below = open_beneath(dir_fd, name, O_RDONLY | O_DIRECTORY);
        if (below < 0)
            return err_sys(e, "artifact directory %s", path);
        if (look_into(a, below, path, path_len + (size_t)n, depth + 1, e) < 0)
            return -1;
    }
    return 0;
}

static bool mounts_any(const struct furnish_artifact *a)
{
    for (size_t i = 0; i < a->entry_count; i++)
        if (a->entries[i].way == FURNISH_MOUNT)
            return true;
    return false;
}

/* Attached in our namespace, for parts of a mount can be taken only where it is (until Linux 6.15).
 * The second layer is empty: there must be two. */
static int mount_overlay(int dir_fd, int *ret_fd, struct err *e)
{
    char lower[64];
    snprintf(lower, sizeof lower, "/proc/self/fd/%d:/empty", dir_fd);
    auto_fd_ int fs = (int)syscall(SYS_fsopen, "overlay", FSOPEN_CLOEXEC);
    if (fs < 0)
        return err_sys(e, "fsopen overlay");
    if (syscall(SYS_fsconfig, fs, FSCONFIG_SET_STRING, "lowerdir", lower, 0) < 0 ||
        syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
        return err_sys(e, "overlay");
    auto_fd_ int tree =
        (int)syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC,
                     MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOATIME);
    if (tree < 0 ||
        syscall(SYS_move_mount, tree, "", AT_FDCWD, LARGE_FILES, MOVE_MOUNT_F_EMPTY_PATH) < 0)
        return err_sys(e, "mount " LARGE_FILES);
    *ret_fd = open(LARGE_FILES, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (*ret_fd >= 0)
        return 0;
    err_sys(e, "open " LARGE_FILES);
    (void)umount2(LARGE_FILES, MNT_DETACH);
    return -1;
}

void furnish_init(struct furnish_artifact *a)
{
    *a = (struct furnish_artifact){ .dir_fd = -1, .overlay_fd = -1 };
}

void furnish_done(struct furnish_artifact *a)
{
    if (a->overlay_fd >= 0)
        (void)umount2(LARGE_FILES, MNT_DETACH);
    close_fd(&a->overlay_fd);
    close_fd(&a->dir_fd);
    for (size_t i = 0; i < a->entry_count; i++)
        free(a->entries[i].path);
    free(a->entries);
    furnish_init(a);
}

static bool is_same(const struct furnish_artifact *a, const struct stat *st)
{
    return a->dir_fd >= 0 && a->device == st->st_dev && a->inode == st->st_ino &&
           a->changed.tv_sec == st->st_ctim.tv_sec && a->changed.tv_nsec == st->st_ctim.tv_nsec;
}

static int look(struct furnish_artifact *a, struct err *e)
{
    char path[PATH_MAX] = "";
    if (look_into(a, a->dir_fd, path, 0, 1, e) < 0)
        return -1;
    return mounts_any(a) ? mount_overlay(a->dir_fd, &a->overlay_fd, e) : 0;
}

/* By its kind. */
static bool is_local(int dir_fd)
{
    static const unsigned kinds[] = { EXT4_SUPER_MAGIC, XFS_SUPER_MAGIC,       BTRFS_SUPER_MAGIC,
                                      TMPFS_MAGIC,      OVERLAYFS_SUPER_MAGIC, F2FS_SUPER_MAGIC };
    struct statfs fs;
    if (fstatfs(dir_fd, &fs) < 0)
        return false;
    for (size_t i = 0; i < ARRAY_COUNT(kinds); i++)
        if ((unsigned)fs.f_type == kinds[i])
            return true;
    return false;
}

bool furnish_is(const struct furnish_artifact *a, const char *artifact)
{
    return a->dir_fd >= 0 && strcmp(a->name, artifact) == 0;
}

static int find(const char *artifact, int *ret_fd, struct stat *ret_st, struct err *e)
{
    if (artifact_open(artifact, ret_fd, e) < 0)
        return -1;
    return fstat(*ret_fd, ret_st) < 0 ? err_sys(e, "artifact %s", artifact) : 0;
}

int furnish_still(const struct furnish_artifact *a, const char *artifact, struct err *e)
{
    struct stat st;
    auto_fd_ int fd = -1;
    if (find(artifact, &fd, &st, e) < 0)
        return -1;
    return is_same(a, &st) ? 0 : err_input(e, "artifact %s: has changed", artifact);
}

int furnish_look(struct furnish_artifact *a, const char *artifact, struct err *e)
{
    struct stat st;
    auto_fd_ int fd = -1;
    if (find(artifact, &fd, &st, e) < 0)
        return -1;
    if (is_same(a, &st))
        return 0;
    furnish_done(a);
    struct furnish_artifact found = { .dir_fd = take_fd(&fd),
                                      .overlay_fd = -1,
                                      .owner = st.st_uid,
                                      .device = st.st_dev,
                                      .inode = st.st_ino,
                                      .changed = st.st_ctim };
    found.local = is_local(found.dir_fd);
    snprintf(found.name, sizeof found.name, "%s", artifact);
    if (look(&found, e) < 0) {
        furnish_done(&found);
        return err_wrap(e, "artifact %s", artifact);
    }
    *a = found;
    return 0;
}

static int open_regular(int dir_fd, const char *path, int flags, int *ret_fd, struct err *e)
{
    struct stat st;
    *ret_fd = open_beneath(dir_fd, path, flags);
    if (*ret_fd < 0)
        return err_sys(e, "artifact file %s", path);
    if (fstat(*ret_fd, &st) < 0 || !S_ISREG(st.st_mode))
        return err_input(e, "artifact file %s: expected a regular file", path);
    return 0;
}

int furnish_take(const struct furnish_artifact *a, size_t first, struct furnish_batch *ret,
                 struct err *e)
{
    auto_batch_ struct furnish_batch b = { .first = first, .end = first };
    for (; b.end < a->entry_count && b.tree_count < FURNISH_BATCH; b.end++) {
        const struct furnish_entry *n = &a->entries[b.end];
        auto_fd_ int found = -1;
        if (n->way != FURNISH_MOUNT)
            continue;
        if (open_regular(a->overlay_fd, n->path, O_PATH, &found, e) < 0)
            return -1;
        int tree = (int)syscall(SYS_open_tree, found, "",
                                OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
        if (tree < 0)
            return err_sys(e, "open_tree of artifact file %s", n->path);
        b.trees[b.tree_count++] = tree;
    }
    *ret = b;
    b.tree_count = 0; /* taken */
    return 0;
}

void furnish_batch_done(struct furnish_batch *b)
{
    for (size_t i = 0; i < b->tree_count; i++)
        close(b->trees[i]);
    b->tree_count = 0;
}

/* ---- laying it into /box, which is the working directory
 * ------------------------------------------------------- */

/* We may read what the client may not: a link of his to the file of another (fs.protected_hardlinks
 * may be 0) would be handed to the program as its own. */
static int check_owner(int fd, uid_t owner, const char *path, struct err *e)
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        return err_sys(e, "artifact file %s", path);
    return st.st_uid == owner || (st.st_mode & S_IROTH) != 0
               ? 0
               : err_input(e, "artifact file %s: belongs to another user", path);
}

/* Our umask takes nothing of these modes away. */
static int create(const char *path, mode_t mode, int *ret_fd, struct err *e)
{
    *ret_fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
    if (*ret_fd < 0)
        return errno == EEXIST ? err_input(e, "file %s: there are two of that name", path)
                               : err_sys(e, "create %s", path);
    return 0;
}

/* What is not there of `bytes` any more shrank meanwhile: the client's affair. */
static int copy_bytes(int from, int to, int64_t bytes, const char *name, struct err *e)
{
    off_t at = 0;
    while (at < bytes) {
        ssize_t n = sendfile(to, from, &at, (size_t)(bytes - at));
        if (n < 0 && errno == ENOSPC)
            return err_input(e, "files: do not fit into file_bytes");
        if (n < 0 && (errno == EINVAL || errno == ESPIPE || errno == EIO))
            return err_input(e, "file %s: cannot be read", name);
        if (n < 0)
            return err_sys(e, "copy into %s", name);
        if (n == 0)
            break;
    }
    return 0;
}

static int lay_directory(const struct furnish_entry *n, uid_t owner, struct err *e)
{
    if (mkdir(n->path, 0755) < 0 || chown(n->path, owner, owner) < 0)
        return err_sys(e, "make %s", n->path);
    return 0;
}

static int lay_copy(const struct furnish_artifact *a, const struct furnish_entry *n, uid_t owner,
                    struct err *e)
{
    auto_fd_ int from = -1, to = -1;
    if (open_regular(a->dir_fd, n->path, O_RDONLY | O_NONBLOCK | O_NOCTTY, &from, e) < 0 ||
        check_owner(from, a->owner, n->path, e) < 0 ||
        create(n->path, n->executable ? 0755 : 0644, &to, e) < 0 ||
        copy_bytes(from, to, n->bytes, n->path, e) < 0)
        return -1;
    const struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, n->changed };
    if (fchown(to, owner, owner) < 0 || futimens(to, times) < 0)
        return err_sys(e, "own %s", n->path);
    return 0;
}

static int lay_mount(const struct furnish_entry *n, int tree, uid_t owner, struct err *e)
{
    auto_fd_ int cover = -1;
    if (create(n->path, S_ISVTX, &cover, e) < 0)
        return -1;
    if (fchown(cover, owner, owner) < 0 || fchmod(cover, S_ISVTX) < 0)
        return err_sys(e, "own %s", n->path);
    if (syscall(SYS_move_mount, tree, "", AT_FDCWD, n->path, MOVE_MOUNT_F_EMPTY_PATH) < 0)
        return err_sys(e, "attach artifact file %s", n->path);
    return 0;
}

static int enter_box(struct err *e)
{
    return chdir("/box") < 0 ? err_sys(e, "chdir /box") : 0;
}

static uid_t inner_root(const struct keeper_user *user)
{
    return user->one_id ? user->outer_user_id : user->outer_root_id;
}

int furnish_lay(const struct furnish_artifact *a, const struct furnish_batch *b,
                const struct keeper_user *user, struct err *e)
{
    uid_t owner = inner_root(user);
    const int *tree = b->trees;
    if (enter_box(e) < 0)
        return -1;
    for (size_t i = b->first; i < b->end; i++) {
        const struct furnish_entry *n = &a->entries[i];
        int r = n->way == FURNISH_DIRECTORY ? lay_directory(n, owner, e)
                : n->way == FURNISH_COPY    ? lay_copy(a, n, owner, e)
                                            : lay_mount(n, *tree++, owner, e);
        if (r < 0)
            return -1;
    }
    return 0;
}

static bool file_name_valid(const char *name)
{
    size_t len = strlen(name);
    return len > 0 && len <= BOX_NAME_MAX && strchr(name, '/') == NULL && strcmp(name, ".") != 0 &&
           strcmp(name, "..") != 0;
}

static int place_file(const struct box_file *f, uid_t owner, struct err *e)
{
    struct stat st;
    if (!file_name_valid(f->name))
        return err_input(e, "file name: expected one component of 1 to %d bytes, not . or ..",
                         (int)BOX_NAME_MAX);
    int flags = fcntl(f->fd, F_GETFL);
    if (fstat(f->fd, &st) < 0 || !S_ISREG(st.st_mode) || flags < 0 || (flags & O_PATH) != 0 ||
        (flags & O_ACCMODE) == O_WRONLY || files_is_handle(f->fd))
        return err_input(e, "file %s: expected a regular file, opened for reading", f->name);
    auto_fd_ int out = -1;
    if (create(f->name, f->executable ? 0755 : 0644, &out, e) < 0 ||
        copy_bytes(f->fd, out, st.st_size, f->name, e) < 0)
        return -1;
    return fchown(out, owner, owner) < 0 ? err_sys(e, "own %s", f->name) : 0;
}

int furnish_files(const struct box_file *files, size_t count, const struct keeper_user *user,
                  struct err *e)
{
    if (enter_box(e) < 0)
        return -1;
    for (size_t i = 0; i < count; i++)
        if (place_file(&files[i], user->outer_user_id, e) < 0)
            return -1;
    return 0;
}

bool furnish_untouched(int artifact_fd, const char *path, const struct stat *st)
{
    struct stat found;
    auto_fd_ int fd = artifact_fd >= 0 ? open_beneath(artifact_fd, path, O_PATH) : -1;
    if (fd < 0 || fstat(fd, &found) < 0 || !S_ISREG(found.st_mode))
        return false;
    return furnish_is_cover(st) ||
           (found.st_size == st->st_size && found.st_mtim.tv_sec == st->st_mtim.tv_sec &&
            found.st_mtim.tv_nsec == st->st_mtim.tv_nsec);
}
