/*
 * store.c - how fast the store accepts, claims and finishes with many rows in it: `make
 * bench-store`; one process.
 *
 * For each size, the queue (or, with "done", the finished submissions) is filled to it, and then a
 * fixed number of submissions goes through each step. Accepts share a commit of 100, as the
 * server's writer does under load; claims and finishes are transactions of their own. Prints a line
 * for each size with the operations a second and the processor time of one.
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
#include "schema/inner.h"

enum { BATCH = 100, SAMPLE = 2000 };

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
        if (i % BATCH == 0)
            must(store_begin(s, STORE_RELAXED, &e), &e);
        must(queue_record_test(s, &claims[i], &t, &mine, &e), &e);
        must(queue_finish(s, &claims[i], VERDICT_ACCEPTED, NULL, "{}", &mine, &e), &e);
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

static void print_since(const struct start *from)
{
    struct start now = start_now();
    printf(" %9.0f %6.1f", SAMPLE * 1e9 / (double)(now.mono_ns - from->mono_ns),
           (double)(now.cpu_ns - from->cpu_ns) / 1e3 / SAMPLE);
    fflush(stdout);
}

/* Bring the store to `rows` submissions, all waiting or all done. */
static void fill(struct store *s, int64_t *have, int64_t rows, bool done)
{
    enum { PIECE = 10000 };
    struct claim *claims = xmalloc(PIECE * sizeof *claims);
    while (*have < rows) {
        int64_t left = rows - *have, count = left < PIECE ? left : PIECE;
        accept_many(s, count, STORE_RELAXED);
        if (done) {
            claim_many(s, claims, count);
            finish_many(s, claims, count);
        }
        *have += count;
    }
    free(claims);
}

static void measure(struct store *s, int64_t rows, bool done)
{
    static struct claim claims[SAMPLE];
    struct err e;
    must(store_checkpoint(s, &e), &e);
    printf("%10lld %-7s", (long long)rows, done ? "done" : "waiting");
    struct start from = start_now();
    accept_many(s, SAMPLE, STORE_DURABLE);
    print_since(&from);
    from = start_now();
    accept_many(s, SAMPLE, STORE_RELAXED);
    print_since(&from);
    from = start_now();
    claim_many(s, claims, SAMPLE);
    print_since(&from);
    finish_many(s, claims, SAMPLE);
    claim_many(s, claims, SAMPLE);
    from = start_now();
    finish_many(s, claims, SAMPLE);
    print_since(&from);
    puts("");
}

int main(int argc, char **argv)
{
    struct err e;
    struct store *s = NULL;
    int64_t have = 0, rows = 0;
    if (argc < 4) {
        fputs("usage: bench-store DIR waiting|done ROWS...\n", stderr);
        return 2;
    }
    const struct store_options opt = { .data_dir = argv[1] };
    bool done = strcmp(argv[2], "done") == 0;
    must(store_open(&opt, &s, &e), &e);
    printf("%10s %-7s %9s %6s %9s %6s %9s %6s %9s %6s\n", "rows", "state", "accept/s", "cpu us",
           "unsynced", "cpu us", "claim/s", "cpu us", "finish/s", "cpu us");
    for (int i = 3; i < argc; i++) {
        must(units_parse_int(argv[i], 0, INT64_MAX, &rows, &e), &e);
        fill(s, &have, rows, done);
        measure(s, rows, done);
    }
    store_close(s);
    return 0;
}
