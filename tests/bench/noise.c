/* noise.c - how much the reported cpu time of one and the same program varies from run to run,
 * beside what the kernel says of it without any isolation; the minos-bench process. */
#include "sandbox/base/cleanup.h"
#include "sandbox/base/clock.h"
#include "tests/bench/load.h"
#include "tests/bench/pairs.h"

enum {
    TRY_STEPS = 20000000,
    WANTED_MS = 100,
    TRIES = 5,
    PERCENT_ALONE = 70,
    PERCENT = 100,
    MS = 1000,
};

static const char *const reporters[] = { "rusage", "minos cell", NULL };

/* How many steps `spin` does in 100 ms, by the fastest of some tries. */
static int calibrate(struct bench *b, struct err *e)
{
    const struct contestant *plain = contestant_find("rusage");
    int64_t best_ns = INT64_MAX, ns[SERIES_MAX];
    void *state;
    b->work_steps = TRY_STEPS;
    if (plain->launcher->open(b, plain, 0, &state, e) < 0)
        return -1;
    int r = 0;
    for (int i = 0; i < TRIES && r == 0; i++) {
        r = plain->launcher->turn(state, ns, e);
        if (r == 0 && ns[0] > 0 && ns[0] < best_ns)
            best_ns = ns[0];
    }
    plain->launcher->close(state);
    if (r == 0)
        b->work_steps = (int64_t)((double)TRY_STEPS * WANTED_MS * NS_PER_MS / (double)best_ns);
    return r;
}

static int table(struct bench *b, const char *title, const char *about, int64_t share_ms,
                 struct err *e)
{
    struct entry entries[CONTESTANTS_MAX];
    struct pairs_plan plan = { .suite = "noise",
                               .title = title,
                               .about = about,
                               .entries = entries,
                               .count = entries_find(b, reporters, entries),
                               .lanes = 1,
                               .burst = 1,
                               .tells_width = true,
                               .share_ms = share_ms };
    return pairs_run(b, &plan, e);
}

int suite_noise(struct bench *b, int64_t seconds, struct err *e)
{
    struct load load;
    if (calibrate(b, e) < 0 ||
        table(b, "reported cpu time of one 100 ms program, alone",
              "turn by turn; width: from p5 to p95, in percent of the median",
              seconds * MS * PERCENT_ALONE / PERCENT, e) < 0 ||
        load_start(&load, (size_t)b->machine.core_count, e) < 0)
        return -1;
    int r = table(b, "the same beside a busy process on each core",
                  "the program gets half a core; what it used should be the same",
                  seconds * MS * (PERCENT - PERCENT_ALONE) / PERCENT, e);
    load_stop(&load);
    return r;
}
