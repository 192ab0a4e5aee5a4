/* load.c - processes that keep the machine busy; the minos-bench process forks them. */
#include "tests/bench/load.h"

#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

_Noreturn static void compute(void)
{
    volatile unsigned x = 1;
    for (;;)
        x = x * 1664525U + 1013904223U;
}

_Noreturn static void take_turns(const struct bench *b, const struct contestant *c, size_t lane)
{
    struct err e;
    void *state;
    int64_t ignored_ns[SERIES_MAX];
    int r = c->launcher->open(b, c, lane, &state, &e);
    while (r == 0)
        r = c->launcher->turn(state, ignored_ns, &e);
    fprintf(stderr, "minos-bench: load: %s: %s\n", c->name, e.msg);
    _exit(1);
}

/* `c` NULL: compute. */
static int start(struct load *l, const struct bench *b, const struct contestant *c, size_t count,
                 struct err *e)
{
    *l = (struct load){ .count = 0 };
    while (l->count < count && l->count < LANES_MAX) {
        pid_t pid = fork();
        if (pid == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            if (c == NULL)
                compute();
            take_turns(b, c, l->count);
        }
        if (pid < 0) {
            load_stop(l);
            return err_sys(e, "fork a load");
        }
        l->pids[l->count++] = pid;
    }
    return 0;
}

int load_start(struct load *l, size_t count, struct err *e)
{
    return start(l, NULL, NULL, count, e);
}

int load_start_turns(struct load *l, const struct bench *b, const char *contestant, size_t count,
                     struct err *e)
{
    return start(l, b, contestant_find(contestant), count, e);
}

void load_stop(struct load *l)
{
    for (size_t i = 0; i < l->count; i++) {
        kill(l->pids[i], SIGKILL);
        waitpid(l->pids[i], NULL, 0);
    }
    l->count = 0;
}
