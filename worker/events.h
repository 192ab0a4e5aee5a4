/*
 * events.h - what a slot listens to, as one descriptor: wake-ups of the queue, SIGTERM and SIGINT,
 * and the end of the time it has for stopping. The same descriptor serves the idle slot and, as
 * box_watch.poll_fd, the one whose program runs.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "sandbox/base/err.h"
#include "schema/wake.h"

struct events {
    struct wake *wake;
    int epoll_fd, signal_fd, timer_fd;
    int64_t drain_ms; /* how long a slot that stops lets its submission go on */
    bool stopping;    /* told to stop: claim nothing more */
    bool retiring;   /* told to make room: claim nothing more, but what is held may take its time */
    bool drain_over; /* and now also give back what is held */
};

/* Blocks SIGTERM, SIGINT and SIGHUP in this process. `data_dir` is where wake-ups arrive. */
must_check_ int events_open(const char *data_dir, int64_t drain_ms, struct events *ret,
                            struct err *e);
void events_close(struct events *ev);

/* Take everything that waits, without blocking. True when a wake-up named submission `id`. */
bool events_take(struct events *ev, const char *id);

/* Sleep until something comes, or other_fd (or -1) is readable, at most timeout_ms; take it, but
 * nothing from other_fd. */
void events_wait(struct events *ev, int other_fd, int64_t timeout_ms);
