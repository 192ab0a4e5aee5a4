/*
 * judge.h - one claimed submission from its sources to its verdict: compile, run each test in its
 * own cell, compare, decide, record.
 *
 * Invariants: a result is written only with the claim's fence, so a late one is refused; what the
 * program did is data and ends in a verdict, what the judge failed at is an error and leads to
 * another attempt; the verdict and the results that nobody was told of yet are one durable
 * transaction (record.h).
 */
#pragma once

#include <stdbool.h>

#include "sandbox/base/conf.h"
#include "sandbox/base/err.h"
#include "sandbox/box.h"
#include "schema/store.h"
#include "worker/artifact.h"
#include "worker/expand.h"
#include "worker/language.h"
#include "worker/lease.h"
#include "worker/phases.h"
#include "worker/sources.h"

/* What a slot judges with; borrowed, one for the life of the slot. */
struct judge {
    const struct conf *conf;
    struct store *store;
    struct box *box;
    struct artifact_cache *artifacts;
    const struct language_set *languages;
    const char *isolation_json;
};

/* One submission at hand. */
struct job {
    struct lease *lease;
    struct phase_clock *clock;
    struct submission sub;
    const struct language *language;
    struct sources sources;
    struct artifact artifact;
    struct test_plan *next; /* a test that was made ready ahead (test_run.c), NULL: none */
};

enum judge_end {
    JUDGE_DONE,    /* it has its verdict */
    JUDGE_LOST,    /* it is not ours any more: cancelled, or another slot has it */
    JUDGE_STOPPED, /* the slot has to stop: to be given back */
};

/* Judge what `lease` holds. *ret_verdict is set with JUDGE_DONE. An error means the judge's
 * failure: ERR_INPUT and ERR_BUG would come again with the next attempt, others need not. */
must_check_ int judge_submission(const struct judge *j, struct lease *lease,
                                 enum judge_end *ret_end, enum verdict *ret_verdict, struct err *e);

/* The environment of a command: PATH, HOME, LANG and TMPDIR unless `own` has them, then `own`. */
void judge_environment(const struct text_list *own, const struct expand_vars *vars,
                       struct text_list *out);

/* What placeholders stand for in this job under these limits. `sources` is borrowed. */
struct expand_vars judge_vars(const struct judge *j, const struct job *job,
                              const struct limits *limits, const struct text_list *sources);

struct usage judge_usage(const struct box_outcome *o);
