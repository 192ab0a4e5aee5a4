/* rates.c - slices of the machine for each contestant; the minos-bench process, and its lanes from
 * lane_body on. */
#include "tests/bench/rates.h"

#include <assert.h>

#include "sandbox/base/buf.h"
#include "sandbox/base/cleanup.h"
#include "sandbox/base/clock.h"
#include "tests/bench/crew.h"
#include "tests/bench/rows.h"

enum {
    ROUNDS_MAX = 16,
    TURNS_KEPT = 8192, /* times of single turns, of one contestant in one lane */
    GRACE_MS = 180000,
};

struct slice {
    int64_t turns[LANES_MAX], took_ns[LANES_MAX];
    struct machine_use before, after;
};

/* Shared between the lanes. */
struct counts {
    struct slice slices[CONTESTANTS_MAX][ROUNDS_MAX];
    size_t kept[CONTESTANTS_MAX][LANES_MAX];
    int64_t ns[CONTESTANTS_MAX][LANES_MAX][TURNS_KEPT];
};

struct rates {
    const struct rates_plan *plan;
    struct crew crew;
    struct counts *counts;
    size_t core_count;
};

static size_t lanes_of(const struct rates *r, size_t i)
{
    size_t own = r->plan->entries[i].contestant->lanes;
    return own > 0 ? own : r->core_count;
}

static void run_slice(struct rates *r, size_t lane, size_t i, struct slice *slice)
{
    int64_t start_mono_ns = clock_mono_ns(), now = start_mono_ns, ns[SERIES_MAX];
    while (now - start_mono_ns < r->plan->slice_ms * NS_PER_MS && crew_turn(&r->crew, i, ns)) {
        size_t *kept = &r->counts->kept[i][lane];
        if (*kept < TURNS_KEPT)
            r->counts->ns[i][lane][(*kept)++] = ns[0];
        slice->turns[lane]++;
        now = clock_mono_ns();
    }
    slice->took_ns[lane] = now - start_mono_ns;
}

static void take_slice(struct rates *r, struct lane *l, size_t i, size_t round)
{
    struct slice *slice = &r->counts->slices[i][round];
    bool works = l->number < lanes_of(r, i);
    int64_t ignored_ns[SERIES_MAX];
    if (works)
        (void)crew_turn(&r->crew, i, ignored_ns); /* caches, pools and connections are warm */
    if (l->number == 0)
        slice->before = machine_use();
    lanes_meet(l);
    if (works)
        run_slice(r, l->number, i, slice);
    lanes_meet(l);
    bench_sleep_ms(RATES_SETTLE_MS);
    if (l->number == 0)
        slice->after = machine_use();
    lanes_meet(l);
}

static int lane_body(struct lane *l, void *ctx, struct err *e)
{
    (void)e;
    struct rates *r = ctx;
    crew_open(&r->crew, l);
    for (size_t round = 0; round < r->plan->rounds; round++)
        for (size_t i = 0; i < r->plan->count; i++)
            if (r->plan->entries[i].there)
                take_slice(r, l, i, round);
    crew_close(&r->crew);
    return 0;
}

/* What a contestant's slices say together. */
struct total {
    double per_second; /* all lanes, the median slice */
    double turns;
    struct machine_use growth;
};

static int64_t slice_per_hour(const struct slice *s)
{
    double rate = 0;
    for (size_t lane = 0; lane < LANES_MAX; lane++)
        if (s->took_ns[lane] > 0)
            rate += (double)s->turns[lane] * NS_PER_S / (double)s->took_ns[lane];
    return (int64_t)(rate * 3600);
}

static struct total add_up(const struct rates *r, size_t i)
{
    struct total t = { 0 };
    int64_t per_hour[ROUNDS_MAX];
    for (size_t round = 0; round < r->plan->rounds; round++) {
        const struct slice *s = &r->counts->slices[i][round];
        per_hour[round] = slice_per_hour(s);
        for (size_t lane = 0; lane < LANES_MAX; lane++)
            t.turns += (double)s->turns[lane];
        t.growth.busy_ns += s->after.busy_ns - s->before.busy_ns;
        if (round == 0 && r->plan->rounds > 1)
            continue; /* the kernel's caches grow to their size in the first round */
        t.growth.available_bytes += s->after.available_bytes - s->before.available_bytes;
        t.growth.slab_bytes += s->after.slab_bytes - s->before.slab_bytes;
        t.growth.group_count += s->after.group_count - s->before.group_count;
        t.growth.mount_count += s->after.mount_count - s->before.mount_count;
    }
    t.per_second = (double)spread_of(per_hour, r->plan->rounds).p50_ns / 3600;
    return t;
}

/* What may be more after all slices than before: a machine is never quite still. Anything that
 * each turn left behind would be far more. */
static bool is_flat(const struct machine_use *growth)
{
    enum { MEMORY_BYTES = 32 << 20, SLAB_BYTES = 4 << 20, GROUPS = 16 };
    return growth->available_bytes > -MEMORY_BYTES && growth->slab_bytes < SLAB_BYTES &&
           growth->group_count < GROUPS && growth->mount_count <= 0;
}

static void tell_one(const struct rates *r, size_t i, double plain_per_second, json_t *row)
{
    struct total t = add_up(r, i);
    auto_free_ int64_t *all = xcalloc((size_t)LANES_MAX * TURNS_KEPT, sizeof *all);
    size_t count = 0;
    for (size_t lane = 0; lane < LANES_MAX; lane++)
        for (size_t k = 0; k < r->counts->kept[i][lane]; k++)
            all[count++] = r->counts->ns[i][lane][k];
    struct spread times = spread_of(all, count);
    rows_spread(row, &times, &(struct spread){ 0 });
    report_number(row, "turns", t.turns);
    report_number(row, "per_second", t.per_second);
    if (plain_per_second > 0)
        report_number(row, "ratio_rate", t.per_second / plain_per_second);
    if (t.turns > 0)
        report_number(row, "cpu_ms", (double)t.growth.busy_ns / NS_PER_MS / t.turns);
    report_number(row, "memory_growth_kib", -(double)t.growth.available_bytes / 1024);
    report_number(row, "slab_growth_kib", (double)t.growth.slab_bytes / 1024);
    report_number(row, "group_growth", (double)t.growth.group_count);
    report_number(row, "mount_growth", (double)t.growth.mount_count);
    report_text(row, "flat", is_flat(&t.growth) ? "yes" : "no");
}

static void tell(const struct rates *r, json_t *table)
{
    double plain_per_second = 0;
    for (size_t i = 0; i < r->plan->count; i++) {
        const struct entry *entry = &r->plan->entries[i];
        json_t *row = rows_add(table, entry, 0);
        if (entry->contestant->baseline)
            plain_per_second = add_up(r, i).per_second;
        if (entry->there)
            tell_one(r, i, plain_per_second, row);
    }
}

int rates_run(struct bench *b, const struct rates_plan *plan, struct err *e)
{
    struct rates r = { .plan = plan,
                       .counts = lanes_share(sizeof *r.counts),
                       .core_count = (size_t)b->machine.core_count };
    size_t lanes = 1, most = LANES_MAX;
    for (size_t i = 0; i < plan->count; i++)
        lanes = lanes_of(&r, i) > lanes ? lanes_of(&r, i) : lanes;
    lanes = lanes < most ? lanes : most;
    assert(plan->rounds <= ROUNDS_MAX);
    crew_init(&r.crew, b, plan->entries, plan->count);
    int64_t work_ms =
        (int64_t)plan->rounds * (int64_t)plan->count * (plan->slice_ms + RATES_SETTLE_MS);
    int result = lanes_run(b, lanes, work_ms * 2 + GRACE_MS, lane_body, &r, e);
    crew_done(&r.crew);
    if (result == 0) {
        json_t *table = report_table(&b->report, plan->suite, plan->title, plan->about);
        tell(&r, table);
        report_print(table);
    }
    lanes_unshare(r.counts, sizeof *r.counts);
    return result < 0 ? err_wrap(e, "%s: %s", plan->suite, plan->title) : 0;
}
