/*
 * keeper_cell.c - the life of a cell seen from outside; runs as root in the keeper.
 *
 * Invariants:
 *  1. A cell runs one program and is destroyed; nothing of it is used again, its group and number
 * included.
 *  2. Until cell_release no byte of the submission has been interpreted inside: what the keeper
 * does by path in the cell (cell_arm) meets only what the keeper itself made.
 *  3. After cell_release the keeper never acts by path in the cell, and never on the program's
 * word: it kills, waits, and reads descriptors it opened itself.
 *  4. cell_destroy needs no co-operation from inside: killing init ends the pid namespace, closing
 * the last reference ends the mounts.
 */
#include "sandbox/keeper_cell.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/sched.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "sandbox/base/cleanup.h"
#include "sandbox/base/clock.h"
#include "sandbox/base/io.h"

enum { BUILD_TIMEOUT_S = 20, END_TIMEOUT_MS = 100, KILL_TIMEOUT_MS = 20000, INODES_MAX = 16384 };
enum {
    ENTRY_BYTES = 2048
}; /* what the kernel has for a name in a cell: twice a name and an inode */

void cell_init(struct cell *c)
{
    *c = (struct cell){
        .pidfd = -1,
        .init_sock = -1,
        .command_sock = -1,
        .listener_fd = -1,
        .mntns_fd = -1,
        .net_fds = { -1, -1 },
        .artifact_fd = -1,
    };
}

size_t cell_descriptors(struct cell *c, int *ret[CELL_DESCRIPTORS_MAX])
{
    int *const own[] = { &c->pidfd,    &c->init_sock,  &c->command_sock, &c->listener_fd,
                         &c->mntns_fd, &c->net_fds[0], &c->net_fds[1] };
    _Static_assert(ARRAY_COUNT(own) == 5 + KEEPER_NET_FILES, "all of them");
    size_t count = cgroup_descriptors(&c->group, ret);
    for (size_t i = 0; i < ARRAY_COUNT(own); i++)
        if (*own[i] >= 0)
            ret[count++] = own[i];
    return count;
}

/* ---- the writable layer
 * ------------------------------------------------------------------------------------------- */

/* With the umask at 0, see layer_fill. */
static int layer_dir(int layer, const char *name, mode_t mode, uid_t id, struct err *e)
{
    if (mkdirat(layer, name, mode) < 0 || (id != 0 && fchownat(layer, name, id, id, 0) < 0))
        return err_sys(e, "make %s in the cell's layer", name);
    return 0;
}

static int layer_fill(const struct cell_maker *m, int layer, struct err *e)
{
    const struct {
        const char *name;
        mode_t mode;
        uid_t id;
    } dirs[] = {
        { "work", 0700, 0 },
        { "upper", 0755, 0 },
        { "upper/dev", 0755, 0 },
        { "upper/proc", 0555, 0 },
        { "upper/tmp", 01777, 0 },
        { "upper/shm", 01777, 0 },
        { "upper/box", 0755, m->user->outer_user_id },
    };
    int result = 0;
    mode_t mask = umask(0);
    for (size_t i = 0; i < ARRAY_COUNT(dirs) && result == 0; i++)
        result = layer_dir(layer, dirs[i].name, dirs[i].mode, dirs[i].id, e);
    (void)umask(mask);
    return result;
}

/* What an image has of its own below these is not shown: a directory that is in both layers is
 * listed from a copy of its names, one for each state in which somebody holds it open, charged to
 * nobody. An ordinary user's tmpfs takes the mark since Linux 6.6. */
static int layer_cover(const struct cell_maker *m, const struct cell *c, struct err *e)
{
    static const char *const names[] = { "tmp", "shm", "box" };
    bool rootless = m->user->rootless;
    const char *mark = rootless ? "user.overlay.opaque" : "trusted.overlay.opaque";
    for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
        char path[KEEPER_PATH_MAX + 16];
        snprintf(path, sizeof path, "%s/upper/%s", c->layer_path, names[i]);
        if (setxattr(path, mark, "y", 1, 0) < 0 && !(rootless && errno == EOPNOTSUPP))
            return err_sys(e, "mark %s in the cell's layer as opaque", names[i]);
    }
    return 0;
}

static int layer_make(const struct cell_maker *m, struct cell *c, struct err *e)
{
    char options[96];
    if (mkdir(c->layer_path, 0700) < 0)
        return err_sys(e, "mkdir %s", c->layer_path);
    bool bounded = layer_on(m->layers_off, LAYER_FILES);
    snprintf(options, sizeof options, "mode=0700,size=%" PRId64 ",nr_inodes=%d",
             bounded ? m->conf->limits.file_bytes : m->conf->ceilings.file_bytes,
             bounded ? INODES_MAX : 0);
    if (mount("cell", c->layer_path, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOATIME, options) < 0)
        return err_sys(e, "mount the cell's tmpfs");
    auto_fd_ int layer = open(c->layer_path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (layer < 0)
        return err_sys(e, "open %s", c->layer_path);
    if (layer_fill(m, layer, e) < 0)
        return -1;
    return strcmp(c->image, "host") == 0 ? 0 : layer_cover(m, c, e);
}

/* The size is the job's; the mount may have been made before the job was known. */
static int layer_resize(const struct cell *c, int64_t bytes, struct err *e)
{
    char text[32];
    snprintf(text, sizeof text, "%" PRId64, bytes);
    auto_fd_ int fd = (int)syscall(SYS_fspick, AT_FDCWD, c->layer_path, FSPICK_CLOEXEC);
    if (fd < 0)
        return err_sys(e, "fspick the cell's tmpfs");
    if (syscall(SYS_fsconfig, fd, FSCONFIG_SET_STRING, "size", text, 0) < 0 ||
        syscall(SYS_fsconfig, fd, FSCONFIG_CMD_RECONFIGURE, NULL, NULL, 0) < 0)
        return err_sys(e, "resize the cell's tmpfs to %s bytes", text);
    return 0;
}

/* ---- building
 * ------------------------------------------------------------------------------------------------------
 */

static int socket_pair(int *ret_ours, int *ret_theirs, struct err *e)
{
    int s[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, s) < 0)
        return err_sys(e, "socketpair");
    struct timeval tv = { .tv_sec = BUILD_TIMEOUT_S };
    (void)setsockopt(s[0], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv);
    *ret_ours = s[0];
    *ret_theirs = s[1];
    return 0;
}

static int clone_init(const struct cell_maker *m, const struct inside_plan *plan, struct cell *c,
                      struct err *e)
{
    int group_fd = cgroup_clone_fd(&c->group);
    uint32_t off = plan->layers_off;
    uint64_t namespaces = CLONE_NEWNS | (layer_on(off, LAYER_PID_NS) ? CLONE_NEWPID : 0) |
                          (layer_on(off, LAYER_NET_NS) ? CLONE_NEWNET : 0) |
                          (layer_on(off, LAYER_IPC_NS) ? CLONE_NEWIPC : 0) |
                          (layer_on(off, LAYER_UTS_NS) ? CLONE_NEWUTS : 0);
    struct clone_args args = {
        .flags = namespaces | CLONE_PIDFD | (group_fd >= 0 ? CLONE_INTO_CGROUP : 0) |
                 (m->for_parent ? CLONE_PARENT : 0),
        .pidfd = (uint64_t)(uintptr_t)&c->pidfd,
        .exit_signal = m->for_parent ? 0 : SIGCHLD, /* our own, then, which is SIGCHLD */
        .cgroup = group_fd >= 0 ? (uint64_t)group_fd : 0,
    };
    long pid = syscall(SYS_clone3, &args, sizeof args);
    if (pid == 0)
        inside_init(plan);
    if (pid < 0) {
        c->pidfd = -1;
        return err_sys(e, "clone3 a cell%s",
                       errno == EAGAIN ? " (too many processes: raise pids.max of the groups above,"
                                         " TasksMax= of the unit, or kernel.pid_max)"
                                       : "");
    }
    c->init_pid = (pid_t)pid;
    return 0;
}

/* Its ends of the sockets, and the doors, are the child's alone. */
static int start_init(const struct cell_maker *m, struct inside_plan *plan, struct cell *c,
                      struct err *e)
{
    auto_fd_ int init_sock = -1, command_sock = -1;
    if (cgroup_clone_fd(&c->group) < 0 && cgroup_doors_open(&c->group, &plan->groups, e) < 0)
        return -1;
    int r = socket_pair(&c->init_sock, &init_sock, e);
    if (r == 0)
        r = socket_pair(&c->command_sock, &command_sock, e);
    plan->init_sock = init_sock;
    plan->command_sock = command_sock;
    if (r == 0)
        r = clone_init(m, plan, c, e);
    for (size_t i = 0; i < plan->groups.count; i++)
        close(plan->groups.fds[i]);
    return r;
}

static int say(int sock, char what, struct err *e)
{
    if (io_send_msg(sock, &what, 1, NULL, 0) < 0)
        return err_sys(e, "tell the cell '%c'", what);
    return 0;
}

/* One message from inside: the expected tag (with at most one descriptor), or the cell's own
 * account of what failed. */
static int expect(int sock, char tag, int *ret_fd, struct err *e)
{
    union {
        char tag;
        struct inside_failure failure;
    } m = { .tag = 0 };
    int fds[IO_FDS_MAX];
    size_t len = 0, fd_count = 0;
    if (io_recv_msg(sock, &m, sizeof m, &len, fds, &fd_count) < 0)
        return err_sys(e, "wait for the cell's '%c'", tag);
    for (size_t i = ret_fd != NULL ? 1 : 0; i < fd_count; i++)
        close(fds[i]);
    if (len == sizeof m.failure && m.tag == 'e') {
        *e = m.failure.err;
        return err_wrap(e, "inside the cell");
    }
    if (len != 1 || m.tag != tag)
        return err_set(e, ERR_SYS, 0, "the cell ended while it was built (expected '%c')", tag);
    if (ret_fd != NULL)
        *ret_fd = fd_count > 0 ? fds[0] : -1;
    return 0;
}

/* What a process of the host's root writes there becomes the floor below which those who inherit it
 * cannot go: so the program cannot make others the first to be killed when the host's memory runs
 * out. An ordinary user cannot set that floor. */
static int set_oom_score(const struct cell_maker *m, const struct cell *c, const char *score,
                         struct err *e)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/oom_score_adj", (int)c->init_pid);
    if (!m->user->rootless && io_write_file_at(AT_FDCWD, path, score) < 0)
        return err_sys(e, "write oom_score_adj of the cell");
    return 0;
}

static int write_map(pid_t pid, const char *file, const char *text, struct err *e)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, file);
    if (io_write_file_at(AT_FDCWD, path, text) < 0)
        return err_sys(e, "write %s of the cell", file);
    return 0;
}

static int write_maps(const struct cell_maker *m, const struct cell *c, struct err *e)
{
    char map[96];
    if (m->user->one_id)
        snprintf(map, sizeof map, "%d %u 1\n", INSIDE_USER_ID, m->user->outer_user_id);
    else
        snprintf(map, sizeof map, "%d %u 1\n%d %u 1\n", INSIDE_ROOT_ID, m->user->outer_root_id,
                 INSIDE_USER_ID, m->user->outer_user_id);
    if (write_map(c->init_pid, "setgroups", "deny", e) < 0 ||
        write_map(c->init_pid, "gid_map", map, e) < 0)
        return -1;
    return write_map(c->init_pid, "uid_map", map, e);
}

static int handshake(const struct cell_maker *m, struct cell *c, struct err *e)
{
    if (expect(c->init_sock, 'u', &c->mntns_fd, e) < 0 || write_maps(m, c, e) < 0)
        return -1;
    if (c->mntns_fd < 0)
        return err_set(e, ERR_BUG, 0, "the cell kept its mount namespace for itself");
    /* While it is dumpable: the /proc that an ordinary user has may hide others (hidepid=2). */
    if (layer_on(m->layers_off, LAYER_NET_NS) && keeper_net_open(c->init_pid, c->net_fds, e) < 0)
        return -1;
    /* Init forks the command between 'm' and 'r', and is itself the last to be killed. */
    if (set_oom_score(m, c, "1000", e) < 0 || say(c->init_sock, 'm', e) < 0 ||
        expect(c->init_sock, 'r', NULL, e) < 0 || set_oom_score(m, c, "0", e) < 0)
        return -1;
    return expect(c->command_sock, 'l', &c->listener_fd, e);
}

/* The limits as the cell's group gets them: one process more, our init. */
static int limit_group(const struct cell_maker *m, struct cell *c, const struct limits *l,
                       struct err *e)
{
    int64_t memory =
        layer_on(m->layers_off, LAYER_MEMORY) ? l->memory_bytes : m->conf->ceilings.memory_bytes;
    int64_t processes =
        layer_on(m->layers_off, LAYER_PIDS) ? l->process_count : m->conf->ceilings.process_count;
    return cgroup_limit(&c->group, memory, processes + 1, e);
}

int cell_build(struct cell_maker *m, const char *image, struct cell *ret, struct err *e)
{
    auto_cell_ struct cell c;
    cell_init(&c);
    struct inside_plan plan = { .filter = m->filter,
                                .layers_off = m->layers_off,
                                .cpus = m->cpus,
                                .owner_id = m->user->outer_root_id,
                                .rootless = m->user->rootless,
                                .one_id = m->user->one_id };
    snprintf(c.image, sizeof c.image, "%s", image);
    if (keeper_root_image(m->conf, image, plan.image_path, &plan.host_usr, e) < 0)
        return -1;
    snprintf(c.layer_path, sizeof c.layer_path, CELL_LAYERS "/%" PRId64, ++m->made_count);
    snprintf(plan.layer_path, sizeof plan.layer_path, "%s", c.layer_path);
    if (cgroup_make(m->groups, &c.group, e) < 0 || limit_group(m, &c, &m->conf->limits, e) < 0 ||
        layer_make(m, &c, e) < 0)
        return -1;
    if (start_init(m, &plan, &c, e) < 0 || handshake(m, &c, e) < 0)
        return err_wrap(e, "build a cell");
    c.built = true;
    *ret = c;
    cell_init(&c); /* taken */
    c.layer_path[0] = '\0';
    return 0;
}

/* ---- arming
 * --------------------------------------------------------------------------------------------------------
 */

/* Some of the artifact, and at the end the files. */
static int furnish_some(const struct cell_maker *m, const struct cell *c,
                        const struct furnish_batch *b, const struct cell_job *job, struct err *e)
{
    if (setns(c->mntns_fd, CLONE_NEWNS) < 0)
        return err_sys(e, "enter the cell's mount namespace");
    int r = furnish_lay(&m->artifact, b, m->user, e);
    if (r == 0 && b->end == m->artifact.entry_count)
        r = furnish_files(job->files, job->file_count, m->user, e);
    if (setns(m->root->mntns_fd, CLONE_NEWNS) < 0) {
        /* In the wrong namespace nothing we do is right any more. */
        perror("event=keeper_lost error=setns");
        _exit(1);
    }
    return r;
}

static int furnish(const struct cell_maker *m, const struct cell *c, const struct cell_job *job,
                   struct err *e)
{
    size_t end = job->artifact != NULL ? 0 : m->artifact.entry_count;
    do {
        auto_batch_ struct furnish_batch b = { 0 };
        if (furnish_take(&m->artifact, end, &b, e) < 0 || furnish_some(m, c, &b, job, e) < 0)
            return -1;
        end = b.end;
    } while (end < m->artifact.entry_count);
    return 0;
}

static int note_artifact(const struct cell_maker *m, struct cell *c, struct err *e)
{
    c->artifact_fd = fcntl(m->artifact.dir_fd, F_DUPFD_CLOEXEC, 0);
    return c->artifact_fd < 0 ? err_sys(e, "dup the artifact") : 0;
}

/* What we put there is in no count of the cell's group. */
static int note_laid(struct cell *c, struct err *e)
{
    struct statfs fs;
    if (statfs(c->layer_path, &fs) < 0)
        return err_sys(e, "look at the cell's tmpfs");
    c->laid_bytes = (int64_t)(fs.f_blocks - fs.f_bfree) * (int64_t)fs.f_bsize +
                    (int64_t)(fs.f_files - fs.f_ffree) * ENTRY_BYTES;
    return 0;
}

int cell_arm(struct cell_maker *m, struct cell *c, const struct cell_job *job, struct err *e)
{
    if (job->artifact != NULL &&
        ((job->as_found ? furnish_still(&m->artifact, job->artifact, e)
                        : furnish_look(&m->artifact, job->artifact, e)) < 0 ||
         note_artifact(m, c, e) < 0))
        return -1;
    int64_t copied_bytes = job->artifact != NULL ? m->artifact.copied_bytes : 0;
    int64_t bytes = job->limits.file_bytes + copied_bytes;
    if (layer_on(m->layers_off, LAYER_FILES) && bytes != m->conf->limits.file_bytes &&
        layer_resize(c, bytes, e) < 0)
        return -1;
    if ((job->artifact != NULL || job->file_count > 0) &&
        (furnish(m, c, job, e) < 0 || note_laid(c, e) < 0))
        return -1;
    if (limit_group(m, c, &job->limits, e) < 0)
        return -1;
    return cgroup_arm(&c->group, e);
}

int cell_release(struct cell *c, const struct cell_job *job, struct inside_job *space,
                 struct err *e)
{
    if (job->text_bytes > sizeof space->text)
        return err_input(e, "arguments and environment: more than %d bytes",
                         (int)BOX_ARGS_BYTES_MAX);
    size_t head = offsetof(struct inside_job, text);
    memset(space, 0, head);
    space->stack_bytes = job->limits.stack_bytes;
    space->file_bytes = job->limits.file_bytes;
    space->argc = job->argc;
    space->envc = job->envc;
    space->text_bytes = job->text_bytes;
    space->probe = job->probe;
    memcpy(space->text, job->text, job->text_bytes);
    c->release_mono_ns = clock_mono_ns();
    c->released = true;
    if (io_send_msg(c->command_sock, space, head + job->text_bytes, job->stdio_fds, 3) < 0)
        return err_sys(e, "release the cell");
    return 0;
}

/* ---- the end
 * -------------------------------------------------------------------------------------------------------
 */

/* What init and the command's process told, as far as it has come. */
static void read_report(const struct cell *c, struct cell_end *ret)
{
    ssize_t n = recv(c->init_sock, &ret->report, sizeof ret->report, MSG_DONTWAIT);
    ret->reported = n == (ssize_t)sizeof ret->report && ret->report.tag == 'x';
    if (!ret->reported)
        ret->report = (struct inside_report){ .wait_status = -1, .end_mono_ns = clock_mono_ns() };
    int exec_errno = 0;
    n = recv(c->command_sock, &exec_errno, sizeof exec_errno, MSG_DONTWAIT);
    if (n == (ssize_t)sizeof exec_errno)
        ret->exec_errno = exec_errno;
    if (n < 0 && errno == ECONNRESET)
        ret->unread = true; /* it closed with our message unread, which is told once (unix(7)) */
}

int cell_hear(struct cell *c, struct cell_end *ret, bool *ret_alone, struct err *e)
{
    if (!ret->reported)
        read_report(c, ret);
    c->alone = *ret_alone = ret->reported && cgroup_task_count(&c->group) <= 1;
    return *ret_alone ? cgroup_usage(&c->group, &ret->usage, e) : 0;
}

int cell_reap(struct cell *c, struct cell_end *ret, struct err *e)
{
    if (!ret->reported)
        read_report(c, ret);
    siginfo_t info;
    int r;
    do
        r = waitid(P_PID, (id_t)c->init_pid, &info, WEXITED);
    while (r < 0 && errno == EINTR);
    if (r < 0)
        return err_sys(e, "wait for a cell");
    c->reaped = true;
    return cgroup_usage(&c->group, &ret->usage, e);
}

/* An init that was heard ends by itself; any other, and one that takes too long, is killed with all
 * it has. */
static void see_end(struct cell *c)
{
    struct pollfd p = { .fd = c->pidfd, .events = POLLIN };
    if (!c->alone || poll(&p, 1, END_TIMEOUT_MS) != 1) {
        (void)cgroup_kill(&c->group);
        (void)syscall(SYS_pidfd_send_signal, c->pidfd, SIGKILL, NULL, 0);
        (void)poll(&p, 1, KILL_TIMEOUT_MS);
    }
    (void)waitpid(c->init_pid, NULL, WNOHANG | __WALL);
}

void cell_destroy(struct cell *c)
{
    if (c->pidfd >= 0 && !c->reaped)
        see_end(c);
    close_fd(&c->listener_fd);
    close_fd(&c->pidfd);
    close_fd(&c->init_sock);
    close_fd(&c->command_sock);
    close_fd(&c->mntns_fd);
    close_fd(&c->artifact_fd);
    for (size_t i = 0; i < ARRAY_COUNT(c->net_fds); i++)
        close_fd(&c->net_fds[i]);
    if (c->layer_path[0] != '\0') {
        (void)umount2(c->layer_path, MNT_DETACH);
        (void)rmdir(c->layer_path);
    }
    cgroup_destroy(&c->group);
    cell_init(c);
}

int cell_open_box(const struct cell *c, int *ret_fd, struct err *e)
{
    char path[KEEPER_PATH_MAX + 16];
    snprintf(path, sizeof path, "%s/upper/box", c->layer_path);
    *ret_fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return *ret_fd < 0 ? err_sys(e, "open the cell's files") : 0;
}
