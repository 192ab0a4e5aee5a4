/*
 * truth.h - what the truth tests and `make truth` share: a keeper with the program `known`, the
 * kernel's own account of a cell read beside the keeper, load on the host, and distributions.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "tests/box/kit.h"

/* kit_open with `known` and `large` in the artifact TRUTH_KNOWN. kit_close ends it. */
void truth_open(struct kit *k, const char *const *set);

#define TRUTH_KNOWN "00000000000000000000000000000000000000000000000000000000000000bb"

/* "known VERB ARGS...", NULL-terminated: 2 s of cpu, 10 s of wall (kit_slow), 256 MiB, 100
 * processes. */
void truth_shot(struct shot *s, const char *verb, ...) __attribute__((sentinel));

/* What the program said: two numbers on one line. */
void truth_said(const struct shot *s, int64_t *ret_a, int64_t *ret_b);

/* The file with the cpu clock of the keeper's newest cell; NULL when there is no cell. The caller
 * frees. */
char *truth_clock_path(pid_t keeper_pid);

/* What it says; -1 when the cell is gone. */
int64_t truth_clock_ns(const char *path);

/* So many processes that compute, outside every cell, until truth_unload. */
struct truth_load {
    pid_t pids[64];
    size_t count;
};
void truth_load(struct truth_load *l, size_t count);
void truth_unload(struct truth_load *l);

/* Cores this process may use. */
size_t truth_cores(void);
