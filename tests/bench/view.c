/* view.c - mount namespaces that a lane moves in and out of; in a lane. */
#include "tests/bench/view.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include "sandbox/base/cleanup.h"

#define HYBRID_V2 "/sys/fs/cgroup/unified"

static int go(int fd, struct err *e)
{
    return setns(fd, CLONE_NEWNS) < 0 ? err_sys(e, "enter a mount namespace") : 0;
}

int view_open_without_v2(struct view *v, struct err *e)
{
    *v = VIEW_NONE;
    if (access(HYBRID_V2 "/cgroup.controllers", F_OK) < 0)
        return 0;
    v->own_fd = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
    if (v->own_fd < 0 || unshare(CLONE_NEWNS) < 0)
        return err_sys(e, "a mount namespace");
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        umount2(HYBRID_V2, MNT_DETACH) < 0 ||
        (v->other_fd = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC)) < 0)
        err_sys(e, "hide %s", HYBRID_V2);
    return go(v->own_fd, e) < 0 || v->other_fd < 0 ? -1 : 0;
}

void view_close(struct view *v)
{
    close_fd(&v->own_fd);
    close_fd(&v->other_fd);
}

int view_enter(const struct view *v, struct err *e)
{
    return v->other_fd >= 0 ? go(v->other_fd, e) : 0;
}

int view_leave(const struct view *v, struct err *e)
{
    return v->other_fd >= 0 ? go(v->own_fd, e) : 0;
}
