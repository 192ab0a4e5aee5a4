/* child.c - starting and stopping services under test; the minos-bench process and its lanes. */
#include "tests/bench/child.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sandbox/base/cleanup.h"

enum { STOP_TIMEOUT_MS = 30000, CANNOT_START = 126 };

_Noreturn static void become(const struct child_plan *plan)
{
    struct stat st = { 0 };
    sigset_t none;
    sigemptyset(&none);
    int log_fd = open(plan->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    int null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (log_fd < 0 || dup2(null_fd, 0) < 0 || dup2(plan->out_fd, 1) < 0 || dup2(log_fd, 2) < 0)
        _exit(CANNOT_START);
    if (plan->own_as != NULL && (stat(plan->own_as, &st) < 0 || setgid(st.st_gid) < 0 ||
                                 setuid(st.st_uid) < 0 || chdir("/") < 0)) {
        perror(plan->own_as);
        _exit(CANNOT_START);
    }
    prctl(PR_SET_PDEATHSIG, SIGTERM); /* after setuid, which clears it */
    sigprocmask(SIG_SETMASK, &none, NULL);
    execv(plan->argv[0], plan->argv);
    perror(plan->argv[0]);
    _exit(CANNOT_START);
}

int child_start(const struct child_plan *plan, pid_t *ret_pid, struct err *e)
{
    pid_t pid = fork();
    if (pid == 0)
        become(plan);
    if (pid < 0)
        return err_sys(e, "fork");
    *ret_pid = pid;
    return 0;
}

void child_stop(pid_t pid)
{
    if (pid <= 0)
        return;
    auto_fd_ int pidfd = pidfd_open(pid, 0);
    struct pollfd p = { .fd = pidfd, .events = POLLIN };
    kill(pid, SIGTERM);
    if (pidfd < 0 || poll(&p, 1, STOP_TIMEOUT_MS) <= 0)
        kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}
