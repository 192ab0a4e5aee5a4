/*
 * up_control.h - the socket by which `minos reload` talks to `minos up`: DATA/run/up.sock, for root
 * and the user of `minos up` alone.
 *
 * A client sends the packet "reload" and gets one packet of JSON when the outcome is known:
 *
 *     {"outcome": "reloaded" | "refused" | "failed", "error": TEXT or null,
 *      "changed": [KEY...], "needs_restart": [KEY...], "languages": TEXT or null}
 */
#pragma once

#include <poll.h>
#include <stdbool.h>

#include "sandbox/base/err.h"

#define UP_CONTROL_NAME "up.sock"
#define UP_CONTROL_RELOAD "reload"

enum { UP_CLIENTS_MAX = 8, UP_CONTROL_FDS = 1 + UP_CLIENTS_MAX, UP_ANSWER_BYTES = 32 << 10 };

struct up_client {
    int fd; /* -1: free */
    bool asked;
    bool covered; /* what is being read now was read after this one asked */
};

struct up_control {
    int fd; /* listens; -1: closed */
    struct up_client clients[UP_CLIENTS_MAX];
};

void up_control_init(struct up_control *c);

/* Listen in the directory run_fd, whose sockets of earlier runs were removed. */
must_check_ int up_control_open(struct up_control *c, int run_fd, struct err *e);
void up_control_close(struct up_control *c);

/* What to poll for, UP_CONTROL_FDS entries. */
void up_control_poll(const struct up_control *c, struct pollfd *fds);

/* After a poll: let clients in and hear them. True: one has asked for a reload. */
bool up_control_take(struct up_control *c, const struct pollfd *fds);

/* The reading that begins now is for all who have asked. */
void up_control_cover(struct up_control *c);

/* Tell those who are covered (or all who have asked), and let them go. */
void up_control_answer(struct up_control *c, bool all, const char *text);
