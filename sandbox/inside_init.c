/*
 * inside_init.c - the cell's pid 1: assembles the cell around itself, then gives up every
 * privilege.
 *
 * Runs between clone and _exit: system calls only, no heap, no locks. Until enter_user_namespace it
 * is root of the host's user namespace within the cell's own pid, mount, network, ipc and uts
 * namespaces; afterwards it is an id of no rights at all. The order below is the order of time;
 * each step says why it stands there.
 */
#include "sandbox/inside.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <net/if.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "sandbox/base/cleanup.h"
#include "sandbox/base/clock.h"
#include "sandbox/base/io.h"
#include "sandbox/inside_drop.h"

/* Below ABOVE_INHERITED is room for what is put in its place from FIRST_OWN on. */
enum { FIRST_OWN = 3, ABOVE_INHERITED = 64 };

static int tell(int sock, char what, struct err *e)
{
    if (io_send_msg(sock, &what, 1, NULL, 0) < 0)
        return err_sys(e, "tell the keeper '%c'", what);
    return 0;
}

static int hear(int sock, char expected, struct err *e)
{
    char c = 0;
    ssize_t n;
    do
        n = recv(sock, &c, 1, 0);
    while (n < 0 && errno == EINTR);
    if (n != 1 || c != expected)
        return err_set(e, ERR_SYS, n < 0 ? errno : EPIPE, "wait for the keeper's '%c'", expected);
    return 0;
}

/* Own cgroup namespace, rooted at the groups we are in by now, and a time namespace for our
 * children with clocks from zero. Before the user namespace: both must belong to the host's. */
static int own_groups_and_clocks(const struct inside_plan *p, struct err *e)
{
    bool clocks = layer_on(p->layers_off, LAYER_TIME_NS);
    if (unshare((layer_on(p->layers_off, LAYER_CGROUP_NS) ? CLONE_NEWCGROUP : 0) |
                (clocks ? CLONE_NEWTIME : 0)) < 0)
        return err_sys(e, "unshare the cgroup and time namespaces");
    if (!clocks)
        return 0;
    struct timespec mono, boot;
    clock_gettime(CLOCK_MONOTONIC, &mono);
    clock_gettime(CLOCK_BOOTTIME, &boot);
    char text[96];
    snprintf(text, sizeof text, "monotonic -%lld 0\nboottime -%lld 0\n", (long long)mono.tv_sec,
             (long long)boot.tv_sec);
    if (io_write_file_at(AT_FDCWD, "/proc/self/timens_offsets", text) < 0)
        return err_sys(e, "write timens_offsets");
    return 0;
}

static int mount_one(const char *what, const char *where, const char *type, unsigned long flags,
                     const char *data, struct err *e)
{
    if (mount(what, where, type, flags, data) < 0)
        return err_sys(e, "mount %s on %s", type != NULL ? type : what, where);
    return 0;
}

/* With one id the image's files and the top of the root are the program's own, too. So nothing
 * there can be changed through the root's mount, and what every program may write is a mount of its
 * own. Inodes stay those of this cell alone. */
static int seal_root(struct err *e)
{
    static const char *const writable[] = { "/root/box", "/root/tmp", "/root/shm" };
    for (size_t i = 0; i < ARRAY_COUNT(writable); i++)
        if (mount_one(writable[i], writable[i], NULL, MS_BIND, NULL, e) < 0)
            return -1;
    return mount_one("none", "/root", NULL,
                     MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOATIME, NULL, e);
}

/* The new root: image below, this cell's tmpfs above. /proc is mounted by us, pid 1, so it shows
 * this pid namespace. */
static int assemble_root(const struct inside_plan *p, struct err *e)
{
    char options[3 * KEEPER_PATH_MAX + 80];
    snprintf(options, sizeof options, "lowerdir=%s,upperdir=%s/upper,workdir=%s/work%s",
             p->image_path, p->layer_path, p->layer_path, p->rootless ? ",userxattr" : "");
    if (mount_one("root", "/root", "overlay", MS_NOSUID | MS_NODEV | MS_NOATIME, options, e) < 0)
        return -1;
    if (p->host_usr && mount_one("/usr", "/root/usr", NULL, MS_BIND, NULL, e) < 0)
        return -1;
    if (mount_one("/dev", "/root/dev", NULL, MS_BIND | MS_REC, NULL, e) < 0)
        return -1;
    const char *proc_options =
        layer_on(p->layers_off, LAYER_PROC) ? "hidepid=ptraceable,subset=pid" : NULL;
    if (mount_one("proc", "/root/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, proc_options, e) <
        0)
        return e->errnum == EPERM && p->rootless
                   ? err_wrap(e, "a container's /proc must be whole (podman: --security-opt "
                                 "unmask=ALL; docker: systempaths=unconfined)")
                   : -1;
    return p->one_id ? seal_root(e) : 0;
}

static int enter_root(struct err *e)
{
    if (chdir("/root") < 0 || syscall(SYS_pivot_root, ".", ".") < 0)
        return err_sys(e, "pivot_root");
    if (umount2(".", MNT_DETACH) < 0)
        return err_sys(e, "detach the old root");
    if (chdir("/box") < 0)
        return err_sys(e, "chdir /box");
    return 0;
}

static int raise_loopback(struct err *e)
{
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct ifreq ifr = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };
    int r = fd >= 0 ? ioctl(fd, SIOCSIFFLAGS, &ifr) : -1;
    if (r < 0)
        err_sys(e, "bring up lo");
    if (fd >= 0)
        close(fd);
    return r;
}

/* Small buffers for TCP connections in this network (their minimum, first and largest size), for
 * what waits unaccepted counts as nobody's memory: see keeper_net.h. Where /proc/sys is not an
 * ordinary user's to write, their number alone is bounded. */
static int shrink_tcp(const struct inside_plan *p, struct err *e)
{
    if (!layer_on(p->layers_off, LAYER_NET_NS) ||
        io_write_file_at(AT_FDCWD, "/proc/sys/net/ipv4/tcp_rmem", "4096 16384 131072") == 0)
        return 0;
    return p->rootless || errno == ENOENT ? 0 : err_sys(e, "write tcp_rmem");
}

/* Nothing inherited but our two sockets and the ways into the cell's groups, moved to 3, 4 and on:
 * whatever else the keeper had open ends here. */
static int keep_own_descriptors(struct inside_plan *p, struct err *e)
{
    int *own[2 + CGROUP_TREES_MAX] = { &p->init_sock, &p->command_sock };
    size_t count = 2;
    for (size_t i = 0; i < p->groups.count; i++)
        own[count++] = &p->groups.fds[i];
    for (size_t i = 0; i < count; i++)
        if ((*own[i] = fcntl(*own[i], F_DUPFD_CLOEXEC, ABOVE_INHERITED)) < 0)
            return err_sys(e, "dup own descriptors");
    for (size_t i = 0; i < count; i++)
        if ((*own[i] = dup3(*own[i], FIRST_OWN + (int)i, O_CLOEXEC)) < 0)
            return err_sys(e, "dup own descriptors");
    if (layer_on(p->layers_off, LAYER_DESCRIPTORS) &&
        syscall(SYS_close_range, FIRST_OWN + (unsigned)count, ~0u, 0u) < 0)
        return err_sys(e, "close_range");
    return 0;
}

/* The keeper comes back by it to furnish the cell. It could open it itself only with the power to
 * trace every process of the host. */
static int hand_mount_namespace(int sock, struct err *e)
{
    const char what = 'u';
    int fd = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_sys(e, "open the cell's mount namespace");
    int r = io_send_msg(sock, &what, 1, &fd, 1);
    close(fd);
    return r < 0 ? err_sys(e, "tell the keeper '%c'", what) : 0;
}

/* Last of the namespaces: from here on no capability reaches anything made above. */
static int enter_user_namespace(const struct inside_plan *p, struct err *e)
{
    unsigned id = p->one_id ? INSIDE_USER_ID : INSIDE_ROOT_ID;
    /* With one id the kernel forbids it; the probe then shows the groups that are left. */
    if (setgroups(0, NULL) < 0 && !p->one_id)
        return err_sys(e, "setgroups");
    if (!p->rootless && inside_own(p->owner_id, e) < 0)
        return -1;
    if (unshare(CLONE_NEWUSER) < 0)
        return err_sys(e, "unshare the user namespace");
    if (hand_mount_namespace(p->init_sock, e) < 0 || hear(p->init_sock, 'm', e) < 0)
        return -1;
    if (inside_become(id, e) < 0)
        return -1;
    return layer_on(p->layers_off, LAYER_CAPS) ? inside_drop_bounding(e) : 0;
}

/* Wait for the program, reaping orphans on the way. */
static void reap_until(pid_t command, struct inside_report *report)
{
    for (;;) {
        int status;
        struct rusage usage;
        pid_t pid = wait4(-1, &status, __WALL, &usage);
        if (pid < 0 && errno == EINTR)
            continue;
        if (pid < 0 && errno == ECHILD)
            return;
        if (pid == command) {
            report->end_mono_ns = clock_mono_ns();
            report->wait_status = status;
            report->usage = usage;
            return;
        }
    }
}

/* First of all: to die with the keeper, and to hold nothing of it. While we had its ends of the
 * sockets, neither we nor its client would see it go. */
static int part_from_keeper(struct inside_plan *p, struct err *e)
{
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
        return err_sys(e, "set the parent's death signal");
    return keep_own_descriptors(p, e);
}

static int build(struct inside_plan *p, struct err *e)
{
    if (assemble_root(p, e) < 0)
        return -1;
    if (layer_on(p->layers_off, LAYER_UTS_NS) &&
        (sethostname("minos", 5) < 0 || setdomainname("", 0) < 0))
        return err_sys(e, "sethostname");
    if (raise_loopback(e) < 0 || shrink_tcp(p, e) < 0)
        return -1;
    /* Late, so that what the kernel keeps of the mounts is not the program's memory. */
    if (cgroup_enter(&p->groups, e) < 0)
        return -1;
    for (size_t i = 0; i < p->groups.count; i++)
        close(p->groups.fds[i]);
    return own_groups_and_clocks(p, e) < 0 || enter_root(e) < 0 ? -1 : 0;
}

_Noreturn static void fail(int sock, const struct err *e)
{
    struct inside_failure f = { .tag = 'e', .err = *e };
    (void)!io_send_msg(sock, &f, sizeof f, NULL, 0);
    _exit(1);
}

_Noreturn void inside_init(const struct inside_plan *plan)
{
    struct inside_plan p = *plan;
    struct err e;
    if (part_from_keeper(&p, &e) < 0 || build(&p, &e) < 0 || enter_user_namespace(&p, &e) < 0)
        fail(p.init_sock, &e);
    pid_t command =
        fork(); /* in the new time namespace, and with the capabilities that its own drop needs */
    if (command == 0)
        inside_command(&p);
    if (command < 0) {
        err_sys(&e, "fork");
        fail(p.init_sock, &e);
    }
    close(p.command_sock);
    /* Where we were made may be another slot's core. */
    if (sched_setaffinity(0, sizeof p.cpus, &p.cpus) < 0) {
        err_sys(&e, "sched_setaffinity");
        fail(p.init_sock, &e);
    }
    if (inside_drop_all(true, &e) < 0)
        fail(p.init_sock, &e);
    /* Credentials changed above, which clears it, so it is set here: the cell dies with its keeper.
     */
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || tell(p.init_sock, 'r', &e) < 0)
        _exit(1);
    struct inside_report report = { .tag = 'x', .wait_status = -1 };
    reap_until(command, &report);
    (void)!io_send_msg(p.init_sock, &report, sizeof report, NULL, 0);
    _exit(0);
}
