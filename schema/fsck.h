/*
 * fsck.h - whether everything that must hold over a store does: each invariant by itself, with what
 * breaks it and the mend. fsck.def is the list.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sandbox/base/err.h"

enum { FSCK_EXAMPLES = 10 };

struct fsck_options {
    bool digests; /* compare all bytes with their SHA-256, too */
    bool repair;  /* do what is safe; nobody else may have the store open */
};

/* What a check came to. Texts are the table's, but for the examples. */
struct fsck_finding {
    const char *check, *what, *mend;
    bool waste;      /* costs room, and nothing else */
    bool repairable; /* --repair mends it */
    bool repaired;   /* and has */
    int64_t count;   /* of what breaks it; 0: it holds */
    char *examples[FSCK_EXAMPLES];
    size_t example_count;
};

struct fsck_totals {
    int64_t checks, broken, waste; /* broken: those that do not hold (any more), without waste */
};

/* Check the store at `data_dir`; `report` is called for each check. Reads one moment, beside a
 * service that runs. ERR_INPUT: no store, or not one of this version; ERR_BUSY: to be repaired, but
 * in use. */
must_check_ int fsck_run(const char *data_dir, const struct fsck_options *opt,
                         void (*report)(void *ctx, const struct fsck_finding *f), void *ctx,
                         struct fsck_totals *ret, struct err *e);
