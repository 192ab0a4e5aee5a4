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
    char *program; /* as the cell sees it */
};

static void cell_close(void *state)
{
    struct cell *c = state;
    box_close(c->box);
    free(c->program);
    free(c);
}

static int cell_open(const struct bench *b, const struct contestant *c, size_t lane,
                     void **ret_state, struct err *e)
{
    auto_free_ char *keeper = xasprintf("%s/minos-box", b->programs_dir);
    auto_free_ char *slot = xasprintf("%zu", lane);
    auto_free_ char *warm = xasprintf("box.warm=%d", c->warm);
    const char *args[] = { "--config",    b->fixture.conf,
                           "--artifacts", b->fixture.artifacts,
                           "--slot",      slot,
                           "--set",       warm,
                           NULL };
    struct box_options options = { .program = keeper,
                                   .args = args,
                                   .timeout_ms = GREETING_TIMEOUT_MS };
    struct box *box;
    if (box_open(&options, &box, e) < 0)
        return -1;
    struct cell *cell = xcalloc(1, sizeof *cell);
    cell->box = box;
    cell->program = xasprintf("/box/%s", c->program);
    *ret_state = cell;
    return 0;
}

static int cell_turn(void *state, int64_t ret_ns[SERIES_MAX], struct err *e)
{
    const struct cell *c = state;
    const char *const argv[] = { c->program, NULL };
    const char *const env[] = { "PATH=/usr/bin:/bin", NULL };
    struct box_command command = { .image = "host",
                                   .artifact = FIXTURE_ARTIFACT,
                                   .argv = argv,
                                   .env = env,
                                   .limits = limits_run_defaults(),
                                   .stdin_fd = -1,
                                   .stdout_sink = { .fd = -1 },
                                   .stderr_sink = { .fd = -1 } };
    struct box_outcome out;
    int64_t start_mono_ns = clock_mono_ns();
    if (box_run(c->box, &command, 1, NULL, 0, NULL, &out, e) < 0)
        return -1;
    ret_ns[0] = clock_mono_ns() - start_mono_ns;
    ret_ns[1] = out.wall_ns;
    if (!out.started || !out.exited || out.exit_code != 0)
        return err_set(e, ERR_SYS, out.exec_errno, "%s in a cell: exit %d, signal %d, cause %s",
                       c->program, out.exit_code, out.signal, box_cause_name(out.cause));
    return 0;
}

const struct launcher launcher_box = { .series = { "asked to outcome", "release to end" },
                                       .open = cell_open,
                                       .turn = cell_turn,
                                       .close = cell_close };
