/* maintain.h - what minos-server does with a data directory instead of serving it. */
#pragma once

#include <stdbool.h>

#include "sandbox/base/conf.h"
#include "sandbox/base/err.h"

struct maintain {
    const char *backup, *restore; /* the directory of the backup; NULL: not asked for */
    bool verify;                  /* with restore: read and compare, change nothing */
    bool replace;                 /* with restore: put an old database aside */
    bool fsck, quick, repair;     /* check the store; without digests; mend what is safe */
    bool json;
};

/* Whether there is anything to do. */
bool maintain_wanted(const struct maintain *m);

/* Do it; prints to standard output what came of it. *ret_status is the exit status: 0, or 1 when
 * something was found wrong. */
must_check_ int maintain_run(const struct maintain *m, const struct conf *conf, int *ret_status,
                             struct err *e);
