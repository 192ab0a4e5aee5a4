/*
 * run_stdin.h - standard input for a command in a cell. The cell never gets a descriptor of the
 * host's own: a terminal could be typed into, a file be opened again for writing through /proc.
 */
#pragma once

#include <sys/types.h>

#include "sandbox/base/err.h"

struct run_stdin {
    int fd;           /* for the cell; -1: /dev/null */
    pid_t feeder_pid; /* copies into the pipe `fd`; 0: none */
};

/* `path` NULL: our own standard input. A regular file that is not too large becomes a sealed copy
 * in memory; anything else is copied into a pipe by a process of ours. To be called before a keeper
 * is opened, so that the feeder holds no descriptor of it. */
must_check_ int run_stdin_open(const char *path, struct run_stdin *ret, struct err *e);

/* Close, and end the feeder. */
void run_stdin_close(struct run_stdin *s);
