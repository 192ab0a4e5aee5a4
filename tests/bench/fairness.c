/* fairness.c - how long users wait who submit beside a bulk re-run of low priority; the minos-bench
 * process. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "sandbox/base/cleanup.h"
#include "sandbox/base/clock.h"
#include "tests/bench/http.h"
#include "tests/bench/load.h"
#include "tests/bench/pairs.h"
#include "tests/bench/rates.h"

enum { PERCENT_EACH = 35, PERCENT = 100, MS = 1000, BULK_MAX = 100000, REST_MS = 100 };

static const char *const users[] = { "plain", "live", NULL };

static int live_table(struct bench *b, const char *title, const char *about, int64_t share_ms,
                      struct err *e)
{
    struct entry entries[CONTESTANTS_MAX];
    struct pairs_plan plan = { .suite = "fairness",
                               .title = title,
                               .about = about,
                               .entries = entries,
                               .count = entries_find(b, users, entries),
                               .lanes = 1,
                               .burst = 1,
                               .share_ms = share_ms };
    return pairs_run(b, &plan, e);
}

/* How many wait, by the service's own word; -1 when it does not say. */
static int64_t waiting(const struct bench *b)
{
    auto_buf_ struct buf answer = { 0 };
    struct http *h;
    struct err e;
    long status = 0;
    int64_t count = -1;
    if (http_open(b->service.url, b->service.key, &h, &e) < 0)
        return -1;
    if (http_get(h, "/metrics", &status, &answer, &e) == 0) {
        const char *line = strstr(buf_text(&answer), "\nminos_queue_depth ");
        if (line != NULL && sscanf(line, " minos_queue_depth %" SCNd64, &count) != 1)
            count = -1;
    }
    http_close(h);
    return count;
}

/* Submit until so many wait, or the time is over. */
static int fill(struct bench *b, int64_t share_ms, int64_t *ret_count, struct err *e)
{
    struct load load;
    int64_t deadline_mono_ns = clock_mono_ns() + share_ms * NS_PER_MS;
    const struct contestant *bulk = contestant_find("bulk");
    *ret_count = 0;
    if (load_start_turns(&load, b, bulk->name, bulk->lanes, e) < 0)
        return -1;
    while (*ret_count < BULK_MAX && clock_mono_ns() < deadline_mono_ns && !bench_interrupted(b)) {
        bench_sleep_ms(REST_MS);
        *ret_count = waiting(b);
    }
    load_stop(&load);
    return *ret_count < 0 ? err_set(e, ERR_SYS, 0, "the service does not say how many wait") : 0;
}

static int tables(struct bench *b, int64_t ms, struct err *e)
{
    char about[160];
    int64_t count;
    if (live_table(b, "submit to verdict, live users alone", "a submission every 100 ms",
                   ms * PERCENT_EACH / PERCENT, e) < 0 ||
        fill(b, ms * (PERCENT - 2 * PERCENT_EACH) / PERCENT, &count, e) < 0)
        return -1;
    snprintf(about, sizeof about, "%lld of priority -100 wait, and are judged meanwhile",
             (long long)count);
    return live_table(b, "the same beside a bulk re-run", about, ms * PERCENT_EACH / PERCENT, e);
}

int suite_fairness(struct bench *b, int64_t seconds, struct err *e)
{
    if (service_up_apart(&b->service, b->programs_dir, b->fixture.dir, "fairness",
                         (const char *const[]){ "worker.groundwork=false", NULL }, e) < 0)
        return -1;
    int r = tables(b, seconds * MS, e);
    service_down(&b->service);
    return r;
}
