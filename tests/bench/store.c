/*
 * store.c - how fast the store accepts, claims and finishes with many rows in it; one process.
 *
 * Beside the store that is filled there is one that stays empty; the two take turns, and medians
 * are told, so that the machine's mood meets both alike. For each size, the queue (or, with "done",
 * the finished submissions) is filled to it, and then a fixed number of submissions goes through
 * each step. Accepts share a commit of 100, as the server's writer does under load; claims and
 * finishes are transactions of their own. A line for each store: operations a second and the
 * processor time of one in microseconds.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "sandbox/base/cleanup.h"
#include "sandbox/base/clock.h"
#include "sandbox/base/units.h"
#include "schema/store.h"
#include "tests/bench/store_fill.h"

enum { BATCH = 100, SAMPLE = 1000, ROUNDS = 7 };

static void must(int rc, const struct err *e)
{
    if (rc == 0)
        return;
    fprintf(stderr, "bench-store: %s\n", e->msg);
    exit(1);
}

/* Accept `count`, each with a source of its own, `batch` to a commit. */
static void accept_many(struct store *s, int64_t count, enum store_durability d)
{
    struct err e;
    struct test_spec test = { .name = (char[]){ "1" }, .limits = limits_run_defaults() };
    must(blob_put(s, "1 2\n", 4, &test.stdin_blob, &e), &e);
    for (int64_t i = 0; i < count; i++) {
        char text[256], existing[STORE_ID_BYTES];
        struct source_file file = { .name = (char[]){ "main.c" } };
        struct submission sub = { .language = (char[]){ "c" },
                                  .files = &file,
                                  .file_count = 1,
                                  .tests = &test,
                                  .test_count = 1,
                                  .comparer = { .type = COMPARER_LINES } };
        if (i % BATCH == 0)
            must(store_begin(s, d, &e), &e);
        store_new_id(sub.id);
        int len =
            snprintf(text, sizeof text, "int main(void) { return 0; } // %s %0150d", sub.id, 0);
        must(blob_put(s, text, (size_t)len, &file.content, &e), &e);
        must(queue_accept(s, &sub, existing, &e), &e);
        if (i % BATCH == BATCH - 1 || i == count - 1)
            must(store_commit(s, &e), &e);
    }
}

static void claim_many(struct store *s, struct claim *claims, int64_t count)
{
    struct err e;
    for (int64_t i = 0; i < count; i++) {
        bool found = false;
        must(queue_claim(s, "bench", 3600000, 3, &claims[i], &found, &e), &e);
        if (!found)
            must(err_bug(&e, "nothing to claim"), &e);
    }
}

static void finish_many(struct store *s, const struct claim *claims, int64_t count)
{
    struct err e;
    for (int64_t i = 0; i < count; i++) {
        bool mine = false;
        const struct test_result t = { .cause = (char[]){ "none" }, .verdict = VERDICT_ACCEPTED };
        const struct test_result *tests = &t;
        const struct attempt a = {
            .tests = &tests, .test_count = 1, .verdict = VERDICT_ACCEPTED, .isolation_json = "{}"
        };
        if (i % BATCH == 0)
            must(store_begin(s, STORE_RELAXED, &e), &e);
        must(queue_record(s, &claims[i], &a, &mine, &e), &e);
        if (i % BATCH == BATCH - 1 || i == count - 1)
            must(store_commit(s, &e), &e);
    }
}

/* When a step began: the clock, and the processor time, which others on the host disturb less. */
struct start {
    int64_t mono_ns, cpu_ns;
};

static struct start start_now(void)
{
    struct timespec cpu;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
    return (struct start){ clock_mono_ns(), cpu.tv_sec * NS_PER_S + cpu.tv_nsec };
}

/* --- the two stores take turns ---------------------------------------------------------------- */

enum step { STEP_ACCEPT, STEP_CLAIM, STEP_FINISH, STEPS };

struct side {
    struct store *store;
    int64_t rows;
    double per_second[STEPS][ROUNDS], cpu_us[STEPS][ROUNDS];
};

static void note(struct side *side, enum step step, int round, const struct start *from)
{
    struct start now = start_now();
    side->per_second[step][round] = SAMPLE * 1e9 / (double)(now.mono_ns - from->mono_ns);
    side->cpu_us[step][round] = (double)(now.cpu_ns - from->cpu_ns) / 1e3 / SAMPLE;
}

static void take_round(struct side *side, int round)
{
    static struct claim claims[SAMPLE];
    struct err e;
    must(store_checkpoint(side->store, &e), &e);
    struct start from = start_now();
    accept_many(side->store, SAMPLE, STORE_DURABLE);
    note(side, STEP_ACCEPT, round, &from);
    from = start_now();
    claim_many(side->store, claims, SAMPLE);
    note(side, STEP_CLAIM, round, &from);
    from = start_now();
    finish_many(side->store, claims, SAMPLE);
    note(side, STEP_FINISH, round, &from);
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double values[ROUNDS])
{
    qsort(values, ROUNDS, sizeof values[0], ascending);
    return values[ROUNDS / 2];
}

static void print_side(struct side *side, const char *state)
{
    printf("%lld %s", (long long)side->rows, state);
    for (int i = 0; i < STEPS; i++)
        printf(" %.1f %.2f", median(side->per_second[i]), median(side->cpu_us[i]));
    puts("");
    fflush(stdout);
}

/* Bring the store to `rows` submissions, all waiting or all done. */
static void fill(struct side *side, int64_t rows, bool done)
{
    struct claim claim;
    struct err e;
    if (rows <= side->rows)
        return;
    accept_many(side->store, 1, STORE_RELAXED);
    if (done) {
        claim_many(side->store, &claim, 1);
        finish_many(side->store, &claim, 1);
    }
    must(store_fill(side->store, rows - side->rows - 1, done, &e), &e);
    side->rows = rows;
}

static struct side open_side(const char *dir, const char *name)
{
    struct side side = { .rows = 0 };
    struct err e;
    auto_free_ char *path = xasprintf("%s/%s", dir, name);
    const struct store_options opt = { .data_dir = path }; /* no bound on what waits */
    must(store_open(&opt, &side.store, &e), &e);
    return side;
}

int main(int argc, char **argv)
{
    struct err e;
    if (argc < 4) {
        fputs("usage: store DIR waiting|done ROWS...\n", stderr);
        return 2;
    }
    bool done = strcmp(argv[2], "done") == 0;
    struct side empty = open_side(argv[1], "empty"), full = open_side(argv[1], "full");
    for (int i = 3; i < argc; i++) {
        int64_t rows;
        must(units_parse_int(argv[i], 0, INT64_MAX, &rows, &e), &e);
        fill(&full, rows, done);
        for (int round = 0; round < ROUNDS; round++) {
            take_round(&empty, round);
            take_round(&full, round);
        }
        print_side(&empty, argv[2]);
        print_side(&full, argv[2]);
    }
    store_close(empty.store);
    store_close(full.store);
    return 0;
}
