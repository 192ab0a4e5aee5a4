/* lanes.c - processes that work in step; the minos-bench process forks them, each is one lane. */
#include "tests/bench/lanes.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sandbox/base/cleanup.h"
#include "sandbox/base/clock.h"

struct lanes_common {
    pthread_barrier_t barrier;
    bool answer;
    struct err errs[LANES_MAX]; /* of the lanes that failed */
};

struct team {
    pid_t pids[LANES_MAX];
    int pidfds[LANES_MAX];
    size_t count;
};

void *lanes_share(size_t bytes)
{
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
        abort();
    return p;
}

void lanes_unshare(void *p, size_t bytes)
{
    munmap(p, bytes);
}

void lanes_meet(struct lane *l)
{
    pthread_barrier_wait(&l->common->barrier);
}

bool lanes_agree(struct lane *l, bool answer)
{
    if (l->number == 0)
        l->common->answer = answer;
    lanes_meet(l);
    bool agreed = l->common->answer;
    lanes_meet(l); /* nobody changes it before all have read it */
    return agreed;
}

_Noreturn static void lane_main(struct lanes_common *common, size_t number,
                                int (*body)(struct lane *, void *, struct err *), void *ctx)
{
    struct lane l = { .number = number, .common = common };
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    _exit(body(&l, ctx, &common->errs[number]) < 0 ? 1 : 0);
}

static int fork_lanes(struct team *t, size_t count, struct lanes_common *common,
                      int (*body)(struct lane *, void *, struct err *), void *ctx, struct err *e)
{
    for (size_t i = 0; i < count; i++) {
        pid_t pid = fork();
        if (pid == 0)
            lane_main(common, i, body, ctx);
        if (pid < 0)
            return err_sys(e, "fork a lane");
        t->pids[t->count] = pid;
        t->pidfds[t->count++] = pidfd_open(pid, 0);
        if (t->pidfds[i] < 0)
            return err_sys(e, "pidfd_open");
    }
    return 0;
}

/* Lane `i` has ended: take its status. */
static int take_end(struct team *t, size_t i, const struct lanes_common *common, struct err *e)
{
    int status = 0;
    waitpid(t->pids[i], &status, 0);
    t->pids[i] = 0;
    close_fd(&t->pidfds[i]);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return 0;
    if (WIFSIGNALED(status))
        return err_set(e, ERR_SYS, 0, "a lane was killed by signal %d", WTERMSIG(status));
    *e = common->errs[i];
    return -1;
}

static size_t alive(const struct team *t)
{
    size_t n = 0;
    for (size_t i = 0; i < t->count; i++)
        n += t->pids[i] != 0;
    return n;
}

static int await(struct team *t, const struct bench *b, int64_t timeout_ms,
                 const struct lanes_common *common, struct err *e)
{
    int64_t deadline_mono_ns = clock_mono_ns() + timeout_ms * NS_PER_MS;
    while (alive(t) > 0) {
        struct pollfd p[LANES_MAX + 1] = { { .fd = b->signal_fd, .events = POLLIN } };
        for (size_t i = 0; i < t->count; i++)
            p[i + 1] = (struct pollfd){ .fd = t->pidfds[i], .events = POLLIN };
        int64_t left_ms = (deadline_mono_ns - clock_mono_ns()) / NS_PER_MS;
        int n = left_ms > 0 ? poll(p, t->count + 1, (int)left_ms) : 0;
        if (n < 0 && errno != EINTR)
            return err_sys(e, "poll");
        if (n == 0)
            return err_set(e, ERR_SYS, ETIMEDOUT, "the lanes did not end");
        if (n > 0 && p[0].revents != 0)
            return err_busy(e, "interrupted");
        for (size_t i = 0; n > 0 && i < t->count; i++)
            if (t->pids[i] != 0 && p[i + 1].revents != 0 && take_end(t, i, common, e) < 0)
                return -1;
    }
    return 0;
}

static void dismiss(struct team *t)
{
    for (size_t i = 0; i < t->count; i++) {
        if (t->pids[i] != 0) {
            kill(t->pids[i], SIGKILL);
            waitpid(t->pids[i], NULL, 0);
        }
        close_fd(&t->pidfds[i]);
    }
}

int lanes_run(const struct bench *b, size_t count, int64_t timeout_ms,
              int (*body)(struct lane *l, void *ctx, struct err *e), void *ctx, struct err *e)
{
    struct team t = { .count = 0 };
    struct lanes_common *common = lanes_share(sizeof *common);
    pthread_barrierattr_t shared;
    pthread_barrierattr_init(&shared);
    pthread_barrierattr_setpshared(&shared, PTHREAD_PROCESS_SHARED);
    pthread_barrier_init(&common->barrier, &shared, (unsigned)count);
    int r = fork_lanes(&t, count, common, body, ctx, e);
    if (r == 0)
        r = await(&t, b, timeout_ms, common, e);
    dismiss(&t);
    pthread_barrierattr_destroy(&shared);
    lanes_unshare(common, sizeof *common);
    return r;
}
