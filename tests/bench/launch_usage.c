/* launch_usage.c - the cpu time of a plain child as the kernel tells its parent, as a contestant;
 * in a lane. */
#include <errno.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sandbox/base/buf.h"
#include "sandbox/base/cleanup.h"
#include "sandbox/base/clock.h"
#include "tests/bench/contestant.h"

struct plain {
    char **argv;
};

static int usage_open(const struct bench *b, const struct contestant *c, size_t lane,
                      void **ret_state, struct err *e)
{
    (void)e;
    struct plain *p = xcalloc(1, sizeof *p);
    p->argv = argv_make(b, c->command, lane);
    *ret_state = p;
    return 0;
}

static void usage_close(void *state)
{
    struct plain *p = state;
    argv_free(p->argv);
    free(p);
}

static int64_t timeval_ns(struct timeval t)
{
    return t.tv_sec * NS_PER_S + t.tv_usec * 1000;
}

static int usage_turn(void *state, int64_t ret_ns[SERIES_MAX], struct err *e)
{
    const struct plain *p = state;
    struct rusage used;
    int status;
    pid_t pid;
    int errnum = posix_spawn(&pid, p->argv[0], NULL, NULL, p->argv, environ);
    if (errnum != 0)
        return err_set(e, ERR_SYS, errnum, "start %s", p->argv[0]);
    while (wait4(pid, &status, 0, &used) < 0)
        if (errno != EINTR)
            return err_sys(e, "wait for %s", p->argv[0]);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        return err_set(e, ERR_SYS, 0, "%s: failed", p->argv[0]);
    ret_ns[0] = timeval_ns(used.ru_utime) + timeval_ns(used.ru_stime);
    return 0;
}

const struct launcher launcher_usage = {
    .series = { "cpu time reported" }, .open = usage_open, .turn = usage_turn, .close = usage_close
};
