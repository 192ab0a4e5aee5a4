/*
 * bench.h - what the whole bench shares; the minos-bench process and its lanes.
 *
 * A suite takes contestants (contestants.c), each of which knows how to do one thing once (start a
 * program, judge a submission), and hands them to one of two engines: pairs.c times single turns,
 * rates.c counts turns per second. What they find goes into the report as tables.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sandbox/base/err.h"
#include "tests/bench/fixture.h"
#include "tests/bench/machine.h"
#include "tests/bench/report.h"
#include "tests/bench/service.h"

enum {
    LANES_MAX = 16,       /* things done at once, by a process each */
    CONTESTANTS_MAX = 24, /* in one table */
    SERIES_MAX = 3,       /* times that one turn gives */
};

struct bench {
    const char *programs_dir; /* minos, minos-box, minos-server */
    const char *extras_dir;   /* what else make built for the bench: store */
    int64_t rows_max;         /* backlog: the largest table that is built */
    int signal_fd;            /* SIGINT and SIGTERM, which are blocked */
    struct machine machine;
    struct fixture fixture;
    int64_t work_steps; /* what `spin` does in some 100 ms of this machine's time; 0: not known */
    struct service service; /* while the suite `service` runs */
    struct report report;
};

/* Sleep, on the clock that the samples are taken from. */
void bench_sleep_ms(int64_t ms);

/* Whether somebody asked the bench to stop (SIGINT or SIGTERM waits in signal_fd). */
bool bench_interrupted(const struct bench *b);

/* The suites. Each adds its tables to b->report within about `seconds`; an error means that the
 * bench itself cannot go on, a contestant that fails is a row that says so. */
must_check_ int suite_launch(struct bench *b, int64_t seconds, struct err *e);
must_check_ int suite_steady(struct bench *b, int64_t seconds, struct err *e);
must_check_ int suite_service(struct bench *b, int64_t seconds, struct err *e);
must_check_ int suite_noise(struct bench *b, int64_t seconds, struct err *e);
must_check_ int suite_footprint(struct bench *b, int64_t seconds, struct err *e);
must_check_ int suite_fairness(struct bench *b, int64_t seconds, struct err *e);
must_check_ int suite_backlog(struct bench *b, int64_t seconds, struct err *e);
