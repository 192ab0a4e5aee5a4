/*
 * measure.c - `make truth`: how near the numbers that Minos reports are to what programs used, and
 * how far limits are overshot: distributions over many runs. The figures of docs/ACCURACY.md.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>

#include "sandbox/base/cleanup.h"
#include "sandbox/base/clock.h"
#include "sandbox/base/units.h"
#include "tests/truth/truth.h"

enum { RUNS_MAX = 5000, MIB = 1 << 20 };

enum unit { UNIT_US, UNIT_KIB };

/* What one run shows. The first argument of `args` is the verb. */
struct question {
    const char *name;
    const char *args[6];
    const char *cpus;
    int64_t cpu_time_ms, wall_time_ms; /* 0: as truth_shot has them */
    size_t load;                       /* busy processes for each core */
    enum unit unit;
    int64_t (*figure)(const struct shot *s);
};

static int64_t cpu_used(const struct shot *s)
{
    return s->o.cpu_ns;
}

/* More than the program saw of itself between its first and last instruction. */
static int64_t cpu_beyond_own(const struct shot *s)
{
    int64_t own, children;
    truth_said(s, &own, &children);
    return s->o.cpu_ns - own - children;
}

static int64_t cpu_overshoot(const struct shot *s)
{
    check_cause(&s->o, BOX_CAUSE_CPU);
    return s->o.cpu_ns - s->command.limits.cpu_time_ms * NS_PER_MS;
}

static int64_t wall_overshoot(const struct shot *s)
{
    return s->o.wall_ns - s->command.limits.wall_time_ms * NS_PER_MS;
}

static int64_t peak(const struct shot *s)
{
    return s->o.memory_peak_bytes;
}

static int64_t peak_nocache(const struct shot *s)
{
    return s->o.memory_nocache_bytes;
}

static int64_t rss(const struct shot *s)
{
    return s->o.rss_peak_bytes;
}

static int64_t peak_beyond_64(const struct shot *s)
{
    return s->o.memory_peak_bytes - 64 * MIB;
}

static int64_t nocache_beyond_64(const struct shot *s)
{
    return s->o.memory_nocache_bytes - 64 * MIB;
}

#define MIB64 "67108864"

static const struct question questions[] = {
    { "cpu of a program that does nothing", { "nothing" }, "1", 0, 0, 0, UNIT_US, cpu_used },
    { "cpu beyond own clock, 20 ms",
      { "compute", "20", "0" },
      "1",
      0,
      0,
      0,
      UNIT_US,
      cpu_beyond_own },
    { "same, 8 threads x 4 ms",
      { "compute-threads", "8", "4" },
      "1",
      0,
      0,
      0,
      UNIT_US,
      cpu_beyond_own },
    { "same, 8 children x 4 ms",
      { "compute-children", "8", "4" },
      "1",
      0,
      0,
      0,
      UNIT_US,
      cpu_beyond_own },
    { "cpu overshoot, 1 thread", { "for-ever", "spin" }, "1", 30, 0, 0, UNIT_US, cpu_overshoot },
    { "cpu overshoot, 8 threads",
      { "compute-threads", "8", "9999" },
      "1",
      30,
      0,
      0,
      UNIT_US,
      cpu_overshoot },
    { "cpu overshoot, 64 threads",
      { "compute-threads", "64", "9999" },
      "1",
      30,
      0,
      0,
      UNIT_US,
      cpu_overshoot },
    { "cpu overshoot, 64 threads, 2 cores",
      { "compute-threads", "64", "9999" },
      "2",
      30,
      0,
      0,
      UNIT_US,
      cpu_overshoot },
    { "cpu overshoot, 8 processes",
      { "compute-children", "8", "9999" },
      "1",
      30,
      0,
      0,
      UNIT_US,
      cpu_overshoot },
    { "cpu overshoot, 64 processes",
      { "compute-children", "64", "9999" },
      "1",
      30,
      0,
      0,
      UNIT_US,
      cpu_overshoot },
    { "cpu overshoot, fork chain", { "chain" }, "1", 30, 0, 0, UNIT_US, cpu_overshoot },
    { "cpu overshoot, short children",
      { "short-children" },
      "1",
      30,
      0,
      0,
      UNIT_US,
      cpu_overshoot },
    { "cpu overshoot, 1 thread, host busy",
      { "for-ever", "spin" },
      "1",
      30,
      0,
      3,
      UNIT_US,
      cpu_overshoot },
    { "cpu overshoot, 64 threads, host busy",
      { "compute-threads", "64", "9999" },
      "1",
      30,
      0,
      3,
      UNIT_US,
      cpu_overshoot },
    { "wall overshoot, asleep", { "for-ever", "sleep" }, "1", 0, 30, 0, UNIT_US, wall_overshoot },
    { "wall overshoot, spinning", { "for-ever", "spin" }, "1", 0, 30, 0, UNIT_US, wall_overshoot },
    { "wall overshoot, 8 threads",
      { "for-ever", "spin-threads" },
      "1",
      0,
      30,
      0,
      UNIT_US,
      wall_overshoot },
    { "wall overshoot, spinning, host busy",
      { "for-ever", "spin" },
      "1",
      0,
      30,
      3,
      UNIT_US,
      wall_overshoot },
    { "memory peak of a program that does nothing", { "nothing" }, "1", 0, 0, 0, UNIT_KIB, peak },
    { "same, without cache", { "nothing" }, "1", 0, 0, 0, UNIT_KIB, peak_nocache },
    { "same, largest resident set", { "nothing" }, "1", 0, 0, 0, UNIT_KIB, rss },
    { "memory peak beyond 64 MiB touched",
      { "take", "anon", MIB64 },
      "1",
      0,
      0,
      0,
      UNIT_KIB,
      peak_beyond_64 },
    { "same, in /tmp", { "take", "tmpfs", MIB64 }, "1", 0, 0, 0, UNIT_KIB, peak_beyond_64 },
    { "same, without cache", { "take", "anon", MIB64 }, "1", 0, 0, 0, UNIT_KIB, nocache_beyond_64 },
};

static int64_t runs_wanted(void)
{
    const char *text = getenv("TRUTH_RUNS");
    struct err e;
    int64_t runs = 300;
    ck_assert_msg(text == NULL || units_parse_int(text, 1, RUNS_MAX, &runs, &e) == 0, "%s", e.msg);
    return runs;
}

static int by_size(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void print_row(const struct question *q, int64_t *values, size_t count)
{
    qsort(values, count, sizeof *values, by_size);
    const size_t at[] = { 0, count / 2, count * 95 / 100, count * 99 / 100, count - 1 };
    printf("| %-42s | %-3s | %5zu |", q->name, q->unit == UNIT_US ? "ms" : "KiB", count);
    for (size_t i = 0; i < ARRAY_COUNT(at); i++)
        if (q->unit == UNIT_US)
            printf(" %8.3f |", (double)values[at[i]] / NS_PER_MS);
        else
            printf(" %8" PRId64 " |", values[at[i]] / 1024);
    printf("\n");
    fflush(stdout);
}

/* Each question is asked in a process of its own. */
START_TEST(ask)
{
    static int64_t values[RUNS_MAX];
    const struct question *q = &questions[_i];
    int64_t runs = runs_wanted();
    auto_free_ char *cpus = xasprintf("box.cpus=%s", q->cpus);
    const char *const set[] = { cpus, NULL };
    struct kit k;
    struct truth_load load;
    truth_open(&k, set);
    truth_load(&load, q->load * truth_cores());
    for (int64_t i = 0; i < runs; i++) {
        struct shot s;
        truth_shot(&s, q->args[0], q->args[1], q->args[2], q->args[3], NULL);
        if (q->cpu_time_ms > 0)
            s.command.limits.cpu_time_ms = q->cpu_time_ms;
        if (q->wall_time_ms > 0)
            s.command.limits.wall_time_ms = q->wall_time_ms;
        shot_run(&k, &s);
        values[i] = q->figure(&s);
        shot_done(&s);
    }
    truth_unload(&load);
    kit_close(&k);
    print_row(q, values, (size_t)runs);
}
END_TEST

int main(void)
{
    struct utsname u;
    uname(&u);
    printf("%s %s, %d cores\n\n", u.sysname, u.release, get_nprocs());
    printf("| %-42s | %-3s | %5s | %8s | %8s | %8s | %8s | %8s |\n", "what", "in", "runs", "min",
           "median", "p95", "p99", "max");
    printf("|---|---|---:|---:|---:|---:|---:|---:|\n");
    fflush(stdout);
    Suite *suite = suite_create("truth");
    TCase *tcase = tcase_create("truth");
    tcase_set_timeout(tcase, 3600);
    const char *only = getenv("TRUTH_ONLY");
    for (size_t i = 0; i < ARRAY_COUNT(questions); i++)
        if (only == NULL || strstr(questions[i].name, only) != NULL)
            tcase_add_loop_test(tcase, ask, (int)i, (int)i + 1);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
