/*
 * up_launch.c - from `minos up` (root) to a child with the least it needs.
 *
 * Between fork and exec there are system calls only: what fails is written to a pipe as a struct
 * err, which holds no heap, and the parent reports it.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sandbox/base/buf.h"
#include "sandbox/base/cleanup.h"
#include "sandbox/base/io.h"
#include "server/cli/up.h"

enum { ERROR_FD = UP_LISTEN_FD + 1, PROGRAM_FD, FIRST_FREE_FD, NOFILE_COUNT = 65536 };

/* The child's end of things; numbers far above those that are about to be overwritten. */
struct ends {
    int null_fd, out_fd, ready_fd, listen_fd, error_fd, program_fd;
};

/* Give every inherited descriptor its fixed number, and close all others. */
static int place_fds(const struct ends *in, struct err *e)
{
    const int wanted[] = { in->null_fd,   in->out_fd,   in->ready_fd,
                           in->listen_fd, in->error_fd, in->program_fd };
    static const int places[] = { 0, 1, UP_READY_FD, UP_LISTEN_FD, ERROR_FD, PROGRAM_FD };
    int high[ARRAY_COUNT(wanted)];
    for (size_t i = 0; i < ARRAY_COUNT(wanted); i++) {
        high[i] = wanted[i] < 0 ? -1 : fcntl(wanted[i], F_DUPFD_CLOEXEC, FIRST_FREE_FD);
        if (wanted[i] >= 0 && high[i] < 0)
            return err_sys(e, "duplicate a descriptor");
    }
    for (size_t i = 0; i < ARRAY_COUNT(wanted); i++) {
        bool stays = places[i] <= UP_LISTEN_FD;
        if (high[i] < 0)
            close(places[i]);
        else if (dup3(high[i], places[i], stays ? 0 : O_CLOEXEC) < 0)
            return err_sys(e, "place a descriptor");
    }
    if (close_range(FIRST_FREE_FD, ~0U, 0) < 0)
        return err_sys(e, "close_range");
    return 0;
}

static int reset_signals(struct err *e)
{
    struct sigaction dfl = { .sa_handler = SIG_DFL };
    sigset_t none;
    sigemptyset(&none);
    if (sigaction(SIGPIPE, &dfl, NULL) < 0 || sigprocmask(SIG_SETMASK, &none, NULL) < 0)
        return err_sys(e, "reset signals");
    return 0;
}

static int set_limits(struct err *e)
{
    struct rlimit files, no_core = { 0, 0 }, one_byte = { 1, 1 };
    const struct rlimit many = { NOFILE_COUNT, NOFILE_COUNT };
    if (getrlimit(RLIMIT_NOFILE, &files) < 0)
        return err_sys(e, "getrlimit");
    files.rlim_cur = files.rlim_max;
    /* Containers may forbid more; then it is what there is. */
    bool raised = files.rlim_max < NOFILE_COUNT && setrlimit(RLIMIT_NOFILE, &many) == 0;
    if (!raised && setrlimit(RLIMIT_NOFILE, &files) < 0)
        return err_sys(e, "setrlimit");
    /* A core of the server would hold keys and other people's programs. A limit of 1 also keeps a
     * core handler of the host away, which 0 does not; an ordinary user may be unable to set it. */
    if (setrlimit(RLIMIT_CORE, &one_byte) < 0 && setrlimit(RLIMIT_CORE, &no_core) < 0)
        return err_sys(e, "setrlimit");
    umask(077);
    return 0;
}

/* Bounding set, groups, ids: what only root can give up, and only root has to. In this order, since
 * the first two need what the last gives up. */
static int drop_root(const struct up_ids *ids, struct err *e)
{
    for (int cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
        if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0)
            return err_sys(e, "drop capability %d from the bounding set", cap);
    if (setgroups(0, NULL) < 0)
        return err_sys(e, "setgroups");
    if (setresgid(ids->gid, ids->gid, ids->gid) < 0)
        return err_sys(e, "setresgid %u", ids->gid);
    if (setresuid(ids->uid, ids->uid, ids->uid) < 0)
        return err_sys(e, "setresuid %u", ids->uid);
    if (getgroups(0, NULL) != 0)
        return err_bug(e, "groups are left");
    return 0;
}

/* Everything that a capability could come back from. */
static int drop(const struct up_ids *ids, struct err *e)
{
    struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
    struct __user_cap_data_struct none[2] = { 0 };
    if (geteuid() == 0 && drop_root(ids, e) < 0)
        return -1;
    if (syscall(SYS_capset, &header, none) < 0)
        return err_sys(e, "capset");
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return err_sys(e, "no_new_privs");
    return 0;
}

/* Believe only what the kernel says afterwards. */
static int verify_drop(const struct up_ids *ids, struct err *e)
{
    struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
    struct __user_cap_data_struct caps[2];
    uid_t r, eff, saved;
    gid_t gr, geff, gsaved;
    if (getresuid(&r, &eff, &saved) < 0 || getresgid(&gr, &geff, &gsaved) < 0)
        return err_sys(e, "read back the ids");
    if (r != ids->uid || eff != ids->uid || saved != ids->uid || gr != ids->gid ||
        geff != ids->gid || gsaved != ids->gid)
        return err_bug(e, "the ids are not those that were set");
    if (syscall(SYS_capget, &header, caps) < 0)
        return err_sys(e, "read back the capabilities");
    for (size_t i = 0; i < ARRAY_COUNT(caps); i++)
        if ((caps[i].effective | caps[i].permitted | caps[i].inheritable) != 0)
            return err_bug(e, "capabilities are left");
    if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
        return err_bug(e, "no_new_privs is not set");
    if (setresuid((uid_t)-1, 0, (uid_t)-1) == 0)
        return err_bug(e, "root's id could be taken back");
    return 0;
}

/* After the last change of ids, which clears it; then see whether the parent is gone already. */
static int die_with_parent(pid_t parent, struct err *e)
{
    if (prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0) < 0)
        return err_sys(e, "PR_SET_PDEATHSIG");
    if (getppid() != parent)
        return err_set(e, ERR_SYS, 0, "`minos up` has ended");
    return 0;
}

/* The data belong to the service's user, but one of the directories above may be closed to it. */
static int complain_closed(const char *path, struct err *e)
{
    err_sys(e, "as user %u: enter %s", geteuid(), path);
    if (errno != EACCES)
        return -1;
    auto_free_ char *closed = xstrdup(path);
    for (char *slash = strchr(closed + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (faccessat(AT_FDCWD, closed, X_OK, AT_EACCESS) < 0)
            return err_set(e, ERR_SYS, 0,
                           "user %u, whom the service runs as, may not enter %s on the way to %s: "
                           "chmod o+x %s, or choose another directory (--data)",
                           geteuid(), closed, path, closed);
        *slash = '/';
    }
    return -1;
}

static int become(const struct up_launch *l, pid_t parent, const struct ends *in, struct err *e)
{
    setsid();
    if (place_fds(in, e) < 0 || reset_signals(e) < 0 || set_limits(e) < 0)
        return -1;
    if (l->ids != NULL && (drop(l->ids, e) < 0 || verify_drop(l->ids, e) < 0))
        return -1;
    if (die_with_parent(parent, e) < 0)
        return -1;
    if (chdir(l->cwd) < 0)
        return complain_closed(l->cwd, e);
    execve(l->path, l->argv, l->envp);
    if (errno == EACCES) /* below somebody's closed home; by path first, for a proper name in ps */
        execveat(PROGRAM_FD, "", l->argv, l->envp, AT_EMPTY_PATH);
    return err_sys(e, "as user %u: run %s", geteuid(), l->path);
}

static _Noreturn void child(const struct up_launch *l, pid_t parent, const struct ends *in)
{
    struct err e = { 0 };
    (void)become(l, parent, in, &e);
    /* place_fds may have failed before ERROR_FD was in place. */
    if (io_write_all(ERROR_FD, &e, sizeof e) < 0)
        (void)!io_write_all(in->error_fd, &e, sizeof e);
    _exit(127);
}

int up_launch(const struct up_launch *l, pid_t *ret_pid, struct err *e)
{
    int pipe_fds[2];
    auto_fd_ int null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    auto_fd_ int program_fd = open(l->path, O_PATH | O_CLOEXEC);
    if (null_fd < 0 || program_fd < 0)
        return err_sys(e, "%s", null_fd < 0 ? "/dev/null" : l->path);
    if (pipe2(pipe_fds, O_CLOEXEC) < 0)
        return err_sys(e, "pipe");
    auto_fd_ int read_fd = pipe_fds[0], write_fd = pipe_fds[1];
    struct ends in = { null_fd, l->out_fd, l->ready_fd, l->listen_fd, write_fd, program_fd };
    pid_t parent = getpid(), pid = fork();
    if (pid < 0)
        return err_sys(e, "fork");
    if (pid == 0)
        child(l, parent, &in);
    close_fd(&write_fd);
    struct err theirs;
    ssize_t n = io_read_full(read_fd, &theirs, sizeof theirs);
    if (n == 0) { /* the pipe closed on exec */
        *ret_pid = pid;
        return 0;
    }
    (void)!waitpid(pid, NULL, 0);
    if (n != sizeof theirs)
        return err_set(e, ERR_SYS, 0, "%s: ended before it was executed", l->path);
    theirs.msg[sizeof theirs.msg - 1] = '\0';
    *e = theirs;
    return -1;
}

bool up_can_read_dir(const char *path, const struct up_ids *ids)
{
    int status = 0;
    pid_t pid = fork();
    if (pid == 0) {
        struct err e;
        bool can =
            drop(ids, &e) == 0 && verify_drop(ids, &e) == 0 && access(path, R_OK | X_OK) == 0;
        _exit(can ? 0 : 1);
    }
    return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
           WEXITSTATUS(status) == 0;
}
