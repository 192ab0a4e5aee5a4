/* rerun.c - decides a test by the median of several runs where one would be too near to call;
 * slots. */
#include "worker/rerun.h"

#include <stdlib.h>
#include <string.h>

#include "sandbox/base/clock.h"
#include "worker/lease.h"

struct runs {
    struct test_run items[RERUNS_MAX + 1];
    size_t count;
    int64_t late_count;
};

static void runs_done(struct runs *r)
{
    for (size_t i = 0; i < r->count; i++)
        test_run_done(&r->items[i]);
}

bool rerun_is_near(int64_t cpu_ns, int64_t limit_ms, int64_t margin_percent)
{
    return cpu_ns >= limit_ms * (NS_PER_MS / 100) * (100 - margin_percent);
}

bool rerun_decided(int64_t count, int64_t late, int64_t timely, bool *ret_late)
{
    int64_t most = count + 1;
    if (late + timely < most && late * 2 <= most && timely * 2 <= most)
        return false;
    *ret_late = late > timely;
    return true;
}

static bool is_late(const struct test_run *t)
{
    return t->result.verdict == VERDICT_TIME_LIMIT &&
           strcmp(t->result.cause, box_cause_name(BOX_CAUSE_CPU)) == 0;
}

static bool ended_by_itself(const struct test_run *t)
{
    return strcmp(t->result.cause, box_cause_name(BOX_CAUSE_NONE)) == 0;
}

static bool is_near(const struct judge *j, const struct job *job, const struct test_run *t)
{
    const struct limits limits = language_run_limits(
        job->language, &job->sub.tests[t->result.index].limits, &j->conf->ceilings);
    return is_late(t) ||
           (ended_by_itself(t) && rerun_is_near(t->result.usage.cpu_time_ns, limits.cpu_time_ms,
                                                j->conf->run_rerun_margin));
}

static int by_cpu(const void *a, const void *b)
{
    int64_t x = ((const struct test_run *)a)->result.usage.cpu_time_ns;
    int64_t y = ((const struct test_run *)b)->result.usage.cpu_time_ns;
    return (x > y) - (x < y);
}

/* The median one among those that were late, or among the others. Sorts. */
static struct test_run *choose(struct runs *r, bool late)
{
    size_t wanted = late ? (size_t)r->late_count : r->count - (size_t)r->late_count;
    size_t left = wanted / 2;
    qsort(r->items, r->count, sizeof(r->items[0]), by_cpu);
    for (size_t i = 0; i < r->count; i++) {
        if (is_late(&r->items[i]) == late && left-- == 0)
            return &r->items[i];
    }
    return &r->items[0]; /* not reached: the chosen side has a run */
}

static void conclude(struct runs *r, bool late, struct test_run *ret)
{
    struct test_run *chosen = choose(r, late);
    chosen->result.runs = (struct runs_spread){
        .count = (int64_t)r->count,
        .cpu_time_min_ns = r->items[0].result.usage.cpu_time_ns,
        .cpu_time_median_ns = r->items[r->count / 2].result.usage.cpu_time_ns,
        .cpu_time_max_ns = r->items[r->count - 1].result.usage.cpu_time_ns,
    };
    *ret = *chosen;
    *chosen = (struct test_run){ 0 };
}

/* One more run; *ret_stopped as test_run says. */
static int add_run(const struct judge *j, struct job *job, size_t index, struct runs *r,
                   bool *ret_stopped, struct err *e)
{
    if (test_run(j, job, index, &r->items[r->count], ret_stopped, e) != 0)
        return -1;
    r->late_count += is_late(&r->items[r->count++]);
    return 0;
}

int rerun_test(const struct judge *j, struct job *job, size_t index, struct test_run *ret,
               bool *ret_stopped, struct err *e)
{
    __attribute__((cleanup(runs_done))) struct runs r = { .count = 0 };
    int64_t count = j->conf->run_rerun_count;
    bool late = false;
    if (add_run(j, job, index, &r, ret_stopped, e) != 0)
        return -1;
    if (count == 0 || *ret_stopped || !is_near(j, job, &r.items[0])) {
        *ret = r.items[0];
        r.count = 0;
        return 0;
    }
    while (!rerun_decided(count, r.late_count, (int64_t)r.count - r.late_count, &late)) {
        *ret_stopped = lease_check(job->lease) != BOX_CAUSE_NONE;
        if (!*ret_stopped && add_run(j, job, index, &r, ret_stopped, e) != 0)
            return -1;
        if (*ret_stopped)
            return 0;
    }
    conclude(&r, late, ret);
    return 0;
}
