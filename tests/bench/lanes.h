/*
 * lanes.h - the same work done by several processes at once, in step. Processes, because a
 * contestant may keep state of its own (a keeper, a connection) and because no lock of ours may
 * stand between two launches.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sandbox/base/err.h"
#include "tests/bench/bench.h"

struct lanes_common;

struct lane {
    size_t number; /* from 0 */
    struct lanes_common *common;
};

/* Zeroed memory that lanes forked later share with us; aborts when there is none. */
void *lanes_share(size_t bytes);
void lanes_unshare(void *p, size_t bytes);

/* Fork `count` lanes (at most LANES_MAX) that run `body`, and wait for all. The first that fails,
 * or the deadline, or a signal to the bench, ends the others; ERR_BUSY is the signal. */
must_check_ int lanes_run(const struct bench *b, size_t count, int64_t timeout_ms,
                          int (*body)(struct lane *l, void *ctx, struct err *e), void *ctx,
                          struct err *e);

/* Wait here until every lane is here. */
void lanes_meet(struct lane *l);

/* Lane 0's answer, for all of them; a meeting. */
bool lanes_agree(struct lane *l, bool answer);
