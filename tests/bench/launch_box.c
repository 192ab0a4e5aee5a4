/* launch_box.c - Minos as a contestant: a keeper of the lane's own, a cell a turn; in a lane. */
#include <inttypes.h>
#include <stdlib.h>

#include "sandbox/base/buf.h"
#include "sandbox/base/cleanup.h"
#include "sandbox/base/clock.h"
#include "sandbox/box.h"
#include "tests/bench/contestant.h"

enum { GREETING_TIMEOUT_MS = 30000 };

struct cell {
    struct box *box;
    char **argv; /* the program as the cell sees it */
};

static void cell_close(void *state)
{
    struct cell *c = state;
    box_close(c->box);
    argv_free(c->argv);
    free(c);
}

static int cell_open(const struct bench *b, const struct contestant *c, size_t lane,
                     void **ret_state, struct err *e)
{
    auto_free_ char *keeper = xasprintf("%s/minos-box", b->programs_dir);
    auto_free_ char *slot = xasprintf("%zu", lane);
    auto_free_ char *warm = xasprintf("box.warm=%d", c->warm);
    const char *args[] = {
        "--config",    b->fixture.conf,
        "--artifacts", b->fixture.artifacts,
        "--slot",      slot,
        "--set",       warm,
        "--set",       "box.warm_burst=0", /* made while others have their turn */
        "--set",       c->setting != NULL ? c->setting : warm,
        NULL
    };
    struct box_options options = { .program = keeper,
                                   .args = args,
                                   .timeout_ms = GREETING_TIMEOUT_MS };
    struct box *box;
    if (box_open(&options, &box, e) < 0)
        return -1;
    struct cell *cell = xcalloc(1, sizeof *cell);
    cell->box = box;
    cell->argv = argv_make(b, c->program, lane);
    *ret_state = cell;
    return 0;
}

/* *ret_known_mono_ns is when the outcome was there. */
static int run_once(const struct cell *c, int64_t *ret_ns, int64_t *ret_known_mono_ns,
                    struct box_outcome *ret, struct err *e)
{
    const char *const env[] = { "PATH=/usr/bin:/bin", NULL };
    struct box_command command = { .image = "host",
                                   .artifact = FIXTURE_ARTIFACT,
                                   .argv = (const char *const *)c->argv,
                                   .env = env,
                                   .limits = limits_run_defaults(),
                                   .stdin_fd = -1,
                                   .stdout_sink = { .fd = -1 },
                                   .stderr_sink = { .fd = -1 } };
    int64_t start_mono_ns = clock_mono_ns();
    if (box_run(c->box, &command, 1, NULL, 0, NULL, ret, e) < 0)
        return -1;
    *ret_known_mono_ns = clock_mono_ns();
    *ret_ns = *ret_known_mono_ns - start_mono_ns;
    if (!ret->started || !ret->exited || ret->exit_code != 0)
        return err_set(e, ERR_SYS, ret->exec_errno, "%s in a cell: exit %d, signal %d, cause %s",
                       c->argv[0], ret->exit_code, ret->signal, box_cause_name(ret->cause));
    return 0;
}

static int cell_turn(void *state, int64_t ret_ns[SERIES_MAX], struct err *e)
{
    struct box_outcome out;
    int64_t known_mono_ns;
    if (run_once(state, &ret_ns[0], &known_mono_ns, &out, e) < 0)
        return -1;
    ret_ns[1] = known_mono_ns - out.release_mono_ns;
    ret_ns[2] = out.wall_ns;
    return 0;
}

static int cpu_turn(void *state, int64_t ret_ns[SERIES_MAX], struct err *e)
{
    struct box_outcome out;
    int64_t took_ns, known_mono_ns;
    if (run_once(state, &took_ns, &known_mono_ns, &out, e) < 0)
        return -1;
    ret_ns[0] = out.cpu_ns;
    return 0;
}

const struct launcher launcher_box = { .series = { "asked to outcome", "release to outcome",
                                                   "release to end" },
                                       .open = cell_open,
                                       .turn = cell_turn,
                                       .close = cell_close };

const struct launcher launcher_box_cpu = {
    .series = { "cpu time reported" }, .open = cell_open, .turn = cpu_turn, .close = cell_close
};
