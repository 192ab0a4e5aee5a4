/* main.c - minos-bench: chooses suites, shares the time between them, writes the report; the
 * process that forks the lanes. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "sandbox/base/buf.h"
#include "sandbox/base/cleanup.h"
#include "sandbox/base/clock.h"
#include "sandbox/base/opt.h"
#include "tests/bench/bench.h"
#include "tests/bench/summary.h"
#include "tests/bench/targets.h"

enum { STATUS_OK, STATUS_FAILED, STATUS_USAGE };

struct args {
    bool help;
    const char *suites, *programs, *extras, *languages, *json;
    int64_t seconds, rows;
};

static const struct opt_row rows[] = {
    { "suite", 's', OPT_TEXT, offsetof(struct args, suites), "NAME[,NAME]...",
      "launch, steady, service, noise, fairness, backlog,\nfootprint, or all (the default)", 0, 0 },
    { "seconds", 't', OPT_INT, offsetof(struct args, seconds), "N",
      "time for all of them together, roughly (default: 400)", 1, 86400 },
    { "rows", 'r', OPT_INT, offsetof(struct args, rows), "N",
      "backlog: the largest table, in steps of ten from 100,000\n(default: 1000000)", 0, 10000000 },
    { "programs", 'p', OPT_TEXT, offsetof(struct args, programs), "DIR",
      "where minos, minos-box, minos-server and\nminos-worker are", 0, 0 },
    { "extras", 'x', OPT_TEXT, offsetof(struct args, extras), "DIR",
      "where the programs that are launched are: true, tiny, spin, store", 0, 0 },
    { "languages", 'l', OPT_TEXT, offsetof(struct args, languages), "DIR",
      "the language files that the service reads", 0, 0 },
    { "json", 'j', OPT_TEXT, offsetof(struct args, json), "FILE",
      "write everything there as JSON too", 0, 0 },
    { "help", 'h', OPT_FLAG, offsetof(struct args, help), NULL, "show this", 0, 0 },
};

static const struct opt_spec spec = {
    .usage = "minos-bench --programs DIR --extras DIR --languages DIR [OPTION]...",
    .about = "Measures Minos beside plain launches and other sandboxes, in one run, turn by turn; "
             "see docs/PERFORMANCE.md.\nNeeds root. What is not on this machine is listed as "
             "missing.",
    .rows = rows,
    .row_count = sizeof rows / sizeof rows[0],
    .after = "Exit status: 0 measured, 1 something could not be, 2 usage.",
};

/* The suites, and how they share the time when several are asked for. */
static const struct suite {
    const char *name;
    int (*run)(struct bench *b, int64_t seconds, struct err *e);
    int64_t weight;
} suites[] = {
    { "launch", suite_launch, 9 },       { "steady", suite_steady, 4 },
    { "service", suite_service, 6 },     { "noise", suite_noise, 6 },
    { "fairness", suite_fairness, 5 },   { "backlog", suite_backlog, 1 },
    { "footprint", suite_footprint, 1 },
};
enum { SUITES = sizeof suites / sizeof suites[0] };

void bench_sleep_ms(int64_t ms)
{
    struct timespec left = { ms / 1000, ms % 1000 * NS_PER_MS };
    while (ms > 0 && clock_nanosleep(CLOCK_MONOTONIC, 0, &left, &left) == EINTR)
        ;
}

bool bench_interrupted(const struct bench *b)
{
    struct pollfd p = { .fd = b->signal_fd, .events = POLLIN };
    return poll(&p, 1, 0) > 0;
}

/* Which of the suites a list such as "launch,steady" names. */
static int choose(const char *list, bool chosen[SUITES], struct err *e)
{
    auto_free_ char *copy = xstrdup(list);
    char *rest = copy, *name;
    while ((name = strsep(&rest, ",")) != NULL) {
        size_t i = 0;
        bool all = strcmp(name, "all") == 0;
        while (i < SUITES && (all || strcmp(name, suites[i].name) != 0))
            chosen[i++] |= all;
        if (i == SUITES && !all)
            return err_input(e, "--suite: expected names of suites (see --help), got \"%s\"", name);
        if (!all)
            chosen[i] = true;
    }
    return 0;
}

/* A suite that cannot be measured does not keep the others from it. */
static int run_suites(struct bench *b, const bool chosen[SUITES], int64_t seconds)
{
    int64_t weights = 0;
    int status = STATUS_OK;
    struct err e;
    for (size_t i = 0; i < SUITES; i++)
        weights += chosen[i] ? suites[i].weight : 0;
    for (size_t i = 0; i < SUITES && !bench_interrupted(b); i++) {
        if (!chosen[i] || suites[i].run(b, seconds * suites[i].weight / weights, &e) == 0)
            continue;
        fprintf(stderr, "minos-bench: %s: %s\n", suites[i].name, e.msg);
        status = STATUS_FAILED;
    }
    return status;
}

static int watch_signals(int *ret_fd, struct err *e)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
        return err_sys(e, "sigprocmask");
    *ret_fd = signalfd(-1, &set, SFD_CLOEXEC);
    return *ret_fd < 0 ? err_sys(e, "signalfd") : 0;
}

/* Figures are of the defaults: no MINOS_* variable of the caller's reaches what is measured. */
static void forget_settings(void)
{
    char name[64];
    for (char **v = environ; *v != NULL;) {
        snprintf(name, sizeof name, "%.*s", (int)strcspn(*v, "="), *v);
        if (strncmp(name, "MINOS_", 6) == 0 && unsetenv(name) == 0)
            v = environ; /* it moves what follows */
        else
            v++;
    }
}

static int measure(const struct args *a, const bool chosen[SUITES], struct err *e)
{
    struct bench b = {
        .programs_dir = a->programs, .extras_dir = a->extras, .rows_max = a->rows, .signal_fd = -1
    };
    report_init(&b.report);
    forget_settings();
    int status = -1;
    if (watch_signals(&b.signal_fd, e) == 0 &&
        fixture_make(&b.fixture, a->extras, a->languages, e) == 0) {
        setenv("MINOS_LANGUAGES", b.fixture.languages, 1); /* for the worker of the service */
        machine_read(&b.machine, b.fixture.dir);
        report_print_machine(&b.report, &b.machine);
        status = run_suites(&b, chosen, a->seconds);
        summary_make(&b.report);
        targets_make(&b.report);
        report_print_machine(&b.report, &b.machine);
        if (a->json != NULL && report_write(&b.report, &b.machine, a->json, e) < 0)
            status = -1;
    }
    service_down(&b.service);
    fixture_remove(&b.fixture);
    report_done(&b.report);
    close_fd(&b.signal_fd);
    return status;
}

static int fail(int status, const struct err *e)
{
    fprintf(stderr, "minos-bench: %s\n", e->msg);
    return status;
}

int main(int argc, char **argv)
{
    struct args a = { .suites = "all", .seconds = 400, .rows = 1000000 };
    bool chosen[SUITES] = { false };
    struct err e;
    int first;
    if (opt_parse(&spec, argc, argv, &a, &first, &e) < 0)
        return fail(STATUS_USAGE, &e);
    if (a.help) {
        auto_buf_ struct buf b = { 0 };
        opt_help(&spec, &b);
        fputs(buf_text(&b), stdout);
        return STATUS_OK;
    }
    if (first != argc || a.programs == NULL || a.extras == NULL || a.languages == NULL) {
        err_input(&e, "expected --programs, --extras, --languages and no operand; see --help");
        return fail(STATUS_USAGE, &e);
    }
    if (choose(a.suites, chosen, &e) < 0)
        return fail(STATUS_USAGE, &e);
    int status = measure(&a, chosen, &e);
    return status < 0 ? fail(STATUS_FAILED, &e) : status;
}
