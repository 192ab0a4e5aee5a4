/*
 * pairs.c - rounds of interleaved turns; the minos-bench process, and its lanes from lane_body on.
 *
 * A contestant's time in a round: uncounted turns, which make up for what the one before it left
 * in caches and queues; then the counted ones. Before each turn the lanes meet, so that those of
 * one contestant run at the same moment. What a contestant does behind its answer (Minos removes
 * the used cell and makes the next) has settle_ms of its own to end in, so that it is not paid for
 * by the next one.
 */
#include "tests/bench/pairs.h"

#include "sandbox/base/buf.h"
#include "sandbox/base/cleanup.h"
#include "sandbox/base/clock.h"
#include "tests/bench/crew.h"
#include "tests/bench/rows.h"

enum { TURNS_MAX = 4096 /* of one contestant in one lane */, GRACE_MS = 120000 };

/* Shared between the lanes: every time that was measured. */
struct times {
    size_t count[CONTESTANTS_MAX][LANES_MAX];
    int64_t ns[CONTESTANTS_MAX][LANES_MAX][SERIES_MAX][TURNS_MAX];
};

struct pairs {
    const struct pairs_plan *plan;
    struct crew crew;
    struct times *times;
    int64_t deadline_mono_ns;
};

static void keep(struct times *t, size_t i, size_t lane, const int64_t ns[SERIES_MAX])
{
    size_t at = t->count[i][lane];
    if (at == TURNS_MAX)
        return;
    for (size_t s = 0; s < SERIES_MAX; s++)
        t->ns[i][lane][s][at] = ns[s];
    t->count[i][lane]++;
}

static void take_time(struct pairs *p, struct lane *l, size_t i)
{
    const struct pairs_plan *plan = p->plan;
    const struct contestant *who = plan->entries[i].contestant;
    bench_sleep_ms(who->pause_ms);
    for (size_t k = 0; k < plan->warmups + plan->burst; k++) {
        int64_t ns[SERIES_MAX] = { 0 };
        bench_sleep_ms(plan->idle_ms);
        lanes_meet(l);
        if (crew_turn(&p->crew, i, ns) && k >= plan->warmups)
            keep(p->times, i, l->number, ns);
    }
    bench_sleep_ms(who->settle_ms);
}

static int lane_body(struct lane *l, void *ctx, struct err *e)
{
    (void)e;
    struct pairs *p = ctx;
    crew_open(&p->crew, l);
    size_t most = TURNS_MAX / p->plan->burst;
    for (size_t round = 0;
         lanes_agree(l, round == 0 || (round < most && clock_mono_ns() < p->deadline_mono_ns));
         round++)
        for (size_t i = 0; i < p->plan->count; i++)
            if (p->plan->entries[i].there)
                take_time(p, l, i);
    crew_close(&p->crew);
    return 0;
}

/* The times of all lanes together; overwrites lane 0's. */
static struct spread spread_over_lanes(struct times *t, size_t i, size_t series, size_t lanes)
{
    auto_free_ int64_t *all = xcalloc(lanes * TURNS_MAX, sizeof *all);
    size_t count = 0;
    for (size_t lane = 0; lane < lanes; lane++)
        for (size_t k = 0; k < t->count[i][lane]; k++)
            all[count++] = t->ns[i][lane][series][k];
    return spread_of(all, count);
}

static size_t index_of(const struct pairs_plan *plan, const struct contestant *c)
{
    size_t i = 0;
    while (i + 1 < plan->count && plan->entries[i].contestant != c)
        i++;
    return i;
}

static void tell_one(const struct pairs *p, size_t i, json_t *table)
{
    const struct pairs_plan *plan = p->plan;
    const struct entry *entry = &plan->entries[i];
    const char *const *series = entry->contestant->launcher->series;
    struct spread plain =
        spread_over_lanes(p->times, index_of(plan, entry->baseline), 0, plan->lanes);
    for (size_t s = 0; s < SERIES_MAX && series[s] != NULL; s++) {
        json_t *row = rows_add(table, entry, s);
        if (!entry->there)
            return;
        struct spread found = spread_over_lanes(p->times, i, s, plan->lanes);
        rows_spread(row, &found, &plain);
        if (plan->tells_width)
            rows_width(row, &found, &plain);
    }
}

int pairs_run(struct bench *b, const struct pairs_plan *plan, struct err *e)
{
    struct pairs p = { .plan = plan,
                       .times = lanes_share(sizeof *p.times),
                       .deadline_mono_ns = clock_mono_ns() + plan->share_ms * NS_PER_MS };
    crew_init(&p.crew, b, plan->entries, plan->count);
    int r = lanes_run(b, plan->lanes, plan->share_ms * 2 + GRACE_MS, lane_body, &p, e);
    crew_done(&p.crew);
    if (r == 0) {
        json_t *table = report_table(&b->report, plan->suite, plan->title, plan->about);
        for (size_t i = 0; i < plan->count; i++)
            tell_one(&p, i, table);
        report_print(table);
    }
    lanes_unshare(p.times, sizeof *p.times);
    return r < 0 ? err_wrap(e, "%s: %s", plan->suite, plan->title) : 0;
}
