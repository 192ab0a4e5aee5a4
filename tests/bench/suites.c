/* suites.c - what is measured: which contestants, by which engine, in which rhythm; the minos-bench
 * process. */
#include "sandbox/base/cleanup.h"
#include "sandbox/base/clock.h"
#include "tests/bench/pairs.h"
#include "tests/bench/rates.h"

enum {
    IDLE_MS = 150,  /* long enough for the kernel to forget the last launch */
    IN_USE_MS = 20, /* a service that others use, too, but not at this moment */
    BURST = 4,      /* turns in a row that count, behind WARMUPS that do not */
    WARMUPS = 1,
    ROUNDS = 3, /* of slices; the median one is told */
    SLICE_MIN_MS = 300,
    MS = 1000,
    PERCENT = 100,
};

/* Who takes part in what. The rows of a table stand in this order; the ratios of a row are to the
 * last plain one before it. */
#define SANDBOXES "bwrap", "crun", "runc", "isolate", "nsjail", "go-judge"

static const char *const in_a_loop[] = { "plain",      "unshare",    SANDBOXES,
                                         "minos cold", "minos warm", "minos warm, keeper anywhere",
                                         "plain tiny", "ahead tiny", "minos warm tiny",
                                         NULL };
static const char *const after_idleness[] = { "plain", SANDBOXES, "minos cold", "minos warm",
                                              NULL };
static const char *const sustained[] = {
    "plain", SANDBOXES, "minos cold", "minos", "minos, keepers anywhere", NULL
};
static const char *const to_the_verdict[] = {
    "plain", "bwrap",  "crun",        "runc",       "C cached",
    "C new", "Python", "Java cached", "minos warm", "100 tests of 1 ms",
    NULL
};
static const char *const in_a_row[] = { "plain", "bwrap", "C cached", NULL };
static const char *const judging[] = { "plain", "bwrap", "crun", "runc", "C cached, judged", NULL };
static const char *const accepting[] = { "plain", "4 KiB write", "accepts, 1 client",
                                         "accepts, 8 clients", NULL };

/* --- launch: how long until one program has run ------------------------------------------------
 */

static const struct launch_table {
    const char *title, *about;
    const char *const *names;
    size_t lanes;
    int64_t idle_ms;
    size_t warmups, burst;
    int64_t percent; /* of the suite's time */
} launch_tables[] = {
    { "back to back, 1 at once", "bursts of 4 turns, interleaved; one uncounted before each",
      in_a_loop, 1, 0, WARMUPS, BURST, 25 },
    { "back to back, 2 at once", "the same on two lanes: each contestant beside itself", in_a_loop,
      2, 0, WARMUPS, BURST, 20 },
    { "150 ms idle before each, 1 at once", "a judge's rhythm: nothing runs before a launch",
      after_idleness, 1, IDLE_MS, 0, 1, 30 },
    { "150 ms idle before each, 2 at once", "the same on two lanes: each contestant beside itself",
      after_idleness, 2, IDLE_MS, 0, 1, 25 },
};

int suite_launch(struct bench *b, int64_t seconds, struct err *e)
{
    for (size_t i = 0; i < ARRAY_COUNT(launch_tables); i++) {
        const struct launch_table *t = &launch_tables[i];
        struct entry entries[CONTESTANTS_MAX];
        struct pairs_plan plan = { .suite = "launch",
                                   .title = t->title,
                                   .about = t->about,
                                   .entries = entries,
                                   .count = entries_find(b, t->names, entries),
                                   .lanes = t->lanes,
                                   .idle_ms = t->idle_ms,
                                   .warmups = t->warmups,
                                   .burst = t->burst,
                                   .share_ms = seconds * MS * t->percent / PERCENT };
        if (pairs_run(b, &plan, e) < 0)
            return -1;
    }
    return 0;
}

/* --- steady: how many a second, and does anything pile up ---------------------------------------
 */

static size_t there(const struct entry *entries, size_t count)
{
    size_t n = 0;
    for (size_t i = 0; i < count; i++)
        n += entries[i].there;
    return n > 0 ? n : 1;
}

/* Rounds of slices that fill the time. */
static int slices(struct bench *b, const char *suite, const char *title, const char *about,
                  const char *const *names, int64_t ms, struct err *e)
{
    struct entry entries[CONTESTANTS_MAX];
    size_t count = entries_find(b, names, entries);
    int64_t slice_ms = ms / ROUNDS / (int64_t)there(entries, count) - RATES_SETTLE_MS;
    struct rates_plan plan = { .suite = suite,
                               .title = title,
                               .about = about,
                               .entries = entries,
                               .count = count,
                               .rounds = ROUNDS,
                               .slice_ms = slice_ms > SLICE_MIN_MS ? slice_ms : SLICE_MIN_MS };
    return rates_run(b, &plan, e);
}

int suite_steady(struct bench *b, int64_t seconds, struct err *e)
{
    return slices(b, "steady", "launches per second, all cores",
                  "cpu: of the whole machine, kernel included; growth: of what the machine holds, "
                  "from the second round on",
                  sustained, seconds * MS, e);
}

/* --- service: from HTTP to the verdict ----------------------------------------------------------
 */

static const struct latency_table {
    const char *title, *about;
    const char *const *names;
    int64_t idle_ms;
    int64_t percent; /* of the suite's time */
} latency_tables[] = {
    { "submit to verdict with ?wait, 1 client",
      "every accept durable; 4 turns, 20 ms apart, behind an uncounted one; beside launches of "
      "`true`",
      to_the_verdict, IN_USE_MS, 50 },
    { "back to back, submit to verdict with ?wait, 1 client",
      "the same 4 turns without a pause between them", in_a_row, 0, 10 },
};

static int judged_tables(struct bench *b, int64_t ms, struct err *e)
{
    for (size_t i = 0; i < ARRAY_COUNT(latency_tables); i++) {
        const struct latency_table *t = &latency_tables[i];
        struct entry entries[CONTESTANTS_MAX];
        struct pairs_plan plan = { .suite = "service",
                                   .title = t->title,
                                   .about = t->about,
                                   .entries = entries,
                                   .count = entries_find(b, t->names, entries),
                                   .lanes = 1,
                                   .idle_ms = t->idle_ms,
                                   .warmups = WARMUPS,
                                   .burst = BURST,
                                   .share_ms = ms * t->percent / PERCENT };
        if (pairs_run(b, &plan, e) < 0)
            return -1;
    }
    return slices(b, "service", "verdicts per second over HTTP",
                  "C, cached, one test each; beside launches of `true` on all cores", judging,
                  ms * 25 / PERCENT, e);
}

int suite_service(struct bench *b, int64_t seconds, struct err *e)
{
    const char *dir = b->fixture.dir;
    if (service_up(&b->service, b->programs_dir, dir, e) < 0)
        return -1;
    int r = judged_tables(b, seconds * MS, e);
    service_down(&b->service);
    if (r < 0 || service_up_server(&b->service, b->programs_dir, dir, e) < 0)
        return -1;
    r = slices(b, "service", "accepts per second over HTTP",
               "minos-server alone; each answered once it is on disk", accepting,
               seconds * MS * 15 / PERCENT, e);
    service_down(&b->service);
    return r;
}
