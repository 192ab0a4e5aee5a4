/* keeper_root.c - building the keeper's own mount namespace; runs as root in the keeper, once,
 * before any cell. */
#include "sandbox/keeper_root.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "sandbox/base/cleanup.h"
#include "sandbox/keeper_image.h"

/* The new root is assembled on top of this directory of the host, in our own namespace only. */
#define STAGE "/proc"

static int make_dir(const char *path, mode_t mode, struct err *e)
{
    if (mkdir(path, mode) < 0)
        return err_sys(e, "mkdir %s", path);
    return 0;
}

static int mount_at(const char *what, const char *where, const char *type, unsigned long flags,
                    const char *data, struct err *e)
{
    if (mount(what, where, type, flags, data) < 0)
        return err_sys(e, "mount %s on %s", what, where);
    return 0;
}

/* Bind `tree`, a detached mount, on `where` below the stage. */
static int attach(int tree_fd, const char *where, uint64_t attributes, struct err *e)
{
    struct mount_attr attr = { .attr_set = attributes, .propagation = MS_PRIVATE };
    if (syscall(SYS_mount_setattr, tree_fd, "", AT_EMPTY_PATH, &attr, sizeof attr) < 0)
        return err_sys(e, "mount_setattr for %s", where);
    if (syscall(SYS_move_mount, tree_fd, "", AT_FDCWD, where, MOVE_MOUNT_F_EMPTY_PATH) < 0)
        return err_sys(e, "attach %s", where);
    return 0;
}

static int clone_tree(const char *path, unsigned flags, int *ret_fd, struct err *e)
{
    *ret_fd =
        (int)syscall(SYS_open_tree, AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | flags);
    if (*ret_fd < 0)
        return err_sys(e, "open_tree %s", path);
    return 0;
}

static const struct {
    const char *host_path, *path;
    unsigned minor;
} dev_nodes[] = { { "/dev/null", STAGE "/dev/null", 3 },
                  { "/dev/zero", STAGE "/dev/zero", 5 },
                  { "/dev/full", STAGE "/dev/full", 7 },
                  { "/dev/random", STAGE "/dev/random", 8 },
                  { "/dev/urandom", STAGE "/dev/urandom", 9 } };

/* Host trees, taken before the stage covers anything. */
struct trees {
    int usr_fd, artifacts_fd, proc_fd, host_dev_fd;
    int dev_fds[ARRAY_COUNT(dev_nodes)];
    int image_fds[CONF_IMAGES_MAX];
    size_t image_count;
};

static void trees_done(struct trees *t)
{
    close_fd(&t->usr_fd);
    close_fd(&t->artifacts_fd);
    close_fd(&t->proc_fd);
    close_fd(&t->host_dev_fd);
    for (size_t i = 0; i < ARRAY_COUNT(t->dev_fds); i++)
        close_fd(&t->dev_fds[i]);
    for (size_t i = 0; i < t->image_count; i++)
        close_fd(&t->image_fds[i]);
}

/* It lies in a directory of the client's, who could have put a link there since. */
static int take_artifacts(const char *path, int *ret_fd, struct err *e)
{
    struct stat st;
    if (clone_tree(path, AT_SYMLINK_NOFOLLOW, ret_fd, e) < 0)
        return -1;
    if (fstat(*ret_fd, &st) < 0 || !S_ISDIR(st.st_mode))
        return err_set(e, ERR_SYS, ENOTDIR, "artifacts: expected a directory at %s, and no link",
                       path);
    return 0;
}

static int trees_take(const struct conf *c, const char *artifacts, bool rootless, uint32_t off,
                      struct trees *t, struct err *e)
{
    if (clone_tree("/usr", 0, &t->usr_fd, e) < 0)
        return -1;
    if (artifacts != NULL && take_artifacts(artifacts, &t->artifacts_fd, e) < 0)
        return -1;
    for (size_t i = 0; i < ARRAY_COUNT(dev_nodes); i++)
        if (clone_tree(dev_nodes[i].host_path, 0, &t->dev_fds[i], e) < 0)
            return -1;
    /* A fresh /proc is refused where our pid namespace belongs to another user namespace: show the
     * host's to ourselves, whole, for else the kernel would refuse cells theirs. */
    if (rootless && clone_tree("/proc", AT_RECURSIVE, &t->proc_fd, e) < 0)
        return -1;
    if (!layer_on(off, LAYER_DEV) && clone_tree("/dev", AT_RECURSIVE, &t->host_dev_fd, e) < 0)
        return -1;
    for (size_t i = 0; i < c->image_count; i++) {
        int fd;
        if (clone_tree(c->images[i].path, 0, &fd, e) < 0)
            return err_wrap(e, "image %s", c->images[i].name);
        t->image_fds[t->image_count++] = fd;
    }
    return 0;
}

/* /usr as an overlay of this keeper's own: its inodes, hence locks and watches, are shared with no
 * other slot. */
static int stage_usr(int usr_fd, struct err *e)
{
    if (make_dir(STAGE "/host-usr", 0755, e) < 0 || make_dir(STAGE "/empty", 0755, e) < 0 ||
        make_dir(STAGE "/usr", 0755, e) < 0)
        return -1;
    if (attach(usr_fd, STAGE "/host-usr", MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV,
               e) < 0)
        return -1;
    return mount_at("overlay", STAGE "/usr", "overlay",
                    MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOATIME,
                    "lowerdir=" STAGE "/host-usr:" STAGE "/empty", e);
}

/* A node of this keeper's own where that is allowed, else the host's: on an inode of our own no
 * lock or watch meets another slot's. */
static int stage_node(size_t i, const struct trees *t, struct err *e)
{
    const char *path = dev_nodes[i].path;
    if (mknod(path, S_IFCHR | 0666, makedev(1, dev_nodes[i].minor)) == 0)
        return chmod(path, 0666) < 0 ? err_sys(e, "chmod %s", path) : 0;
    if (errno != EPERM)
        return err_sys(e, "mknod %s", path);
    auto_fd_ int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (file < 0)
        return err_sys(e, "create %s", path);
    return attach(t->dev_fds[i], path, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, e);
}

static int stage_dev(const struct trees *t, struct err *e)
{
    static const struct {
        const char *target, *path;
    } links[] = { { "/proc/self/fd", STAGE "/dev/fd" },
                  { "/proc/self/fd/0", STAGE "/dev/stdin" },
                  { "/proc/self/fd/1", STAGE "/dev/stdout" },
                  { "/proc/self/fd/2", STAGE "/dev/stderr" },
                  { "/shm", STAGE "/dev/shm" } };
    if (make_dir(STAGE "/dev", 0755, e) < 0 ||
        mount_at("dev", STAGE "/dev", "tmpfs", MS_NOSUID | MS_NOEXEC,
                 "mode=0755,size=64k,nr_inodes=32", e) < 0)
        return -1;
    for (size_t i = 0; i < ARRAY_COUNT(dev_nodes); i++)
        if (stage_node(i, t, e) < 0)
            return -1;
    for (size_t i = 0; i < ARRAY_COUNT(links); i++)
        if (symlink(links[i].target, links[i].path) < 0)
            return err_sys(e, "symlink %s", links[i].path);
    return mount_at("none", STAGE "/dev", NULL,
                    MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NOEXEC, NULL, e);
}

static int stage_images(const struct conf *c, const struct trees *t, struct err *e)
{
    if (make_dir(STAGE "/images", 0755, e) < 0 || make_dir(STAGE "/images/host", 0755, e) < 0)
        return -1;
    for (size_t i = 0; i < c->image_count; i++) {
        char path[KEEPER_PATH_MAX];
        snprintf(path, sizeof path, STAGE "/images/%s", c->images[i].name);
        if (make_dir(path, 0755, e) < 0 ||
            attach(t->image_fds[i], path, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV,
                   e) < 0)
            return -1;
    }
    return 0;
}

static int stage_artifacts(int artifacts_fd, struct err *e)
{
    if (make_dir(STAGE "/artifacts", 0755, e) < 0 || make_dir(STAGE "/artifact", 0755, e) < 0)
        return -1;
    if (artifacts_fd < 0)
        return 0;
    return attach(artifacts_fd, STAGE "/artifacts",
                  MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, e);
}

/* The stage becomes "/"; everything of the host is unmounted from this namespace. */
static int pivot(struct err *e)
{
    if (chdir(STAGE) < 0)
        return err_sys(e, "chdir to the new root");
    if (syscall(SYS_pivot_root, ".", ".") < 0)
        return err_sys(e, "pivot_root");
    if (umount2(".", MNT_DETACH) < 0)
        return err_sys(e, "detach the old root");
    if (chdir("/") < 0)
        return err_sys(e, "chdir /");
    return 0;
}

static int stage_all(const struct conf *c, const struct trees *t, int etc_fd, struct err *e)
{
    if (mount_at("keeper", STAGE, "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755", e) < 0)
        return -1;
    if (stage_usr(t->usr_fd, e) < 0 || stage_dev(t, e) < 0 || stage_images(c, t, e) < 0 ||
        stage_artifacts(t->artifacts_fd, e) < 0 ||
        keeper_image_host(STAGE "/images/host", etc_fd, e) < 0)
        return -1;
    if (make_dir(STAGE "/cells", 0700, e) < 0 || make_dir(STAGE "/root", 0755, e) < 0 ||
        make_dir(STAGE "/proc", 0555, e) < 0)
        return -1;
    if (t->host_dev_fd >= 0 && attach(t->host_dev_fd, STAGE "/dev", 0, e) < 0)
        return -1;
    if (t->proc_fd >= 0)
        return attach(t->proc_fd, STAGE "/proc",
                      MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC, e);
    return mount_at("proc", STAGE "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL, e);
}

int keeper_root_enter(const struct conf *c, const char *artifacts, bool rootless,
                      struct keeper_root *ret, struct err *e)
{
    if (unshare(CLONE_NEWNS) < 0)
        return err_sys(e, "unshare the mount namespace (is minos-box root, with CAP_SYS_ADMIN?)");
    if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
        return err_sys(e, "make mounts private");
    __attribute__((cleanup(trees_done))) struct trees t = { .usr_fd = -1,
                                                            .artifacts_fd = -1,
                                                            .proc_fd = -1,
                                                            .host_dev_fd = -1,
                                                            .dev_fds = { -1, -1, -1, -1, -1 } };
    auto_fd_ int etc_fd = open("/etc", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (etc_fd < 0)
        return err_sys(e, "open /etc");
    if (trees_take(c, artifacts, rootless, ret->layers_off, &t, e) < 0 ||
        stage_all(c, &t, etc_fd, e) < 0 || pivot(e) < 0)
        return err_wrap(e, "keeper's file system");
    ret->mntns_fd = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
    if (ret->mntns_fd < 0)
        return err_sys(e, "open /proc/self/ns/mnt");
    return 0;
}

int keeper_root_image(const struct conf *c, const char *name, char ret_path[KEEPER_PATH_MAX],
                      bool *ret_host_usr, struct err *e)
{
    *ret_host_usr = strcmp(name, "host") == 0;
    bool known = *ret_host_usr;
    for (size_t i = 0; i < c->image_count && !known; i++)
        known = strcmp(c->images[i].name, name) == 0;
    if (!known)
        return err_input(e, "image: expected \"host\" or a name from images:, got \"%.64s\"", name);
    snprintf(ret_path, KEEPER_PATH_MAX, "/images/%s", name);
    return 0;
}
