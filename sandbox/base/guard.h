/*
 * guard.h - a program without privilege gives up, at its start, what it will never need, so that a
 * fault in its parsers gains an attacker little: capabilities, system calls outside of guard.def,
 * and by Landlock every path but those it names.
 *
 * For the unprivileged programs; minos-box (sandbox/keeper_guard.h) and cells (sandbox/filter.h)
 * have filters of their own.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "sandbox/base/err.h"

/* Bits of guard.def's rows. */
enum guard_role {
    GUARD_SERVER = 1,     /* minos-server: threads, never a process, never another program */
    GUARD_SUPERVISOR = 2, /* minos-worker: starts its own slots */
    GUARD_SLOT = 4,       /* minos-worker --slot: neither threads nor processes */
    GUARD_KEEPER = 8,     /* minos-box: what it does and no cell may; see sandbox/keeper_guard.h */
    GUARD_COURIER = 16,   /* minos-courier: the store, no network */
    GUARD_RUNNER = 32,    /* its runner: connections out, no store; threads look names up */
};

struct guard_path {
    const char *path; /* a directory or file; what is missing is passed over */
    bool write;       /* else read only */
};

/* What took effect, for the log. */
struct guard_seen {
    int landlock_abi;     /* 0: the kernel has none, paths are not confined */
    size_t syscall_count; /* allowed ones */
};

/* Enter, for good. Call it before any thread is started and after listening sockets are bound:
 * binding and, but for the runner, connections to TCP ports are over with it (Landlock ABI 4).
 * ERR_SYS names the step.
 */
must_check_ int guard_enter(enum guard_role role, const struct guard_path *paths, size_t path_count,
                            struct guard_seen *ret, struct err *e);
