/*
 * contestant.h - who takes part: a row each in contestants.c, with the launcher that makes it do
 * its one thing once.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sandbox/base/err.h"
#include "tests/bench/bench.h"

struct contestant;

/* A way of doing the thing. Each lane opens its own and takes turns one after another. */
struct launcher {
    const char *series[SERIES_MAX]; /* what the times of a turn are; NULL where there is none */
    /* Prepare what turns share; *ret_state goes to the others and is freed by close. */
    int (*open)(const struct bench *b, const struct contestant *c, size_t lane, void **ret_state,
                struct err *e);
    int (*turn)(void *state, int64_t ret_ns[SERIES_MAX], struct err *e);
    void (*close)(void *state);
};

extern const struct launcher launcher_spawn; /* a program by posix_spawn, waited for */
extern const struct launcher launcher_ahead; /* a child forked ahead, told to exec, waited for */
extern const struct launcher launcher_usage; /* its cpu time by wait4's rusage: no time of ours */
extern const struct launcher launcher_box;   /* a cell by a keeper of its own */
extern const struct launcher
    launcher_box_cpu; /* the cpu time that a cell reports: no time of ours */
extern const struct launcher launcher_gojudge; /* a request to a go-judge of its own */
extern const struct launcher launcher_http;    /* a submission to b->service */
extern const struct launcher launcher_fsync;   /* a small durable write: what one accept needs */

struct job; /* http_jobs.c */

struct contestant {
    const char *name; /* the row's head */
    const struct launcher *launcher;
    const char *about; /* what it does and lacks, for the reader of the table */
    bool baseline;     /* the 1 of the ratios: the last such before a row counts */
    const char *needs; /* a program on PATH; NULL: none */
    const char *from;  /* where to get it: "apt: bubblewrap" */
    /* Command lines, cut at blanks; {bin} {bundle} {dir} {id} {box} {work} are filled
     * in. `before` and
     * `after` run once for each lane (NULL: none). */
    const char *before, *command, *after;
    const char *version; /* the option that prints it; NULL: "--version" */
    bool hides_v2;       /* spawn: on a hybrid host, start it where only the v1 groups are seen */
    int warm;            /* box: cells kept ready */
    const char *setting; /* box: one more "key=value" for its keeper; NULL: none */
    const char *program; /* box: the command line in the cell, filled in the same way */
    const char *job;     /* http: name of a row of http_jobs.c */
    int64_t pause_ms;    /* before its turns, for what must be ready first */
    int64_t settle_ms;   /* after its turns, for what it does behind the answer */
    size_t lanes;        /* rates: how many at once; 0: one per core */
};

/* The row of that name, NULL when there is none. */
const struct contestant *contestant_find(const char *name);

/* A contestant on this machine. */
struct entry {
    const struct contestant *contestant;
    const struct contestant *baseline;
    bool there;
    char why[ERR_MESSAGE_BYTES]; /* why it is not */
};

/* Look for each of the names (ended by NULL) and let it take one turn: whoever cannot is entered as
 * missing, with the reason. The count is at most CONTESTANTS_MAX. Versions go into the report. */
size_t entries_find(struct bench *b, const char *const *names,
                    struct entry entries[CONTESTANTS_MAX]);

/* --- command lines, for contestants that are programs ----------------------------------------- */

/* Cut `command` at blanks, fill in its braces for a lane, and find its program; free with
 * argv_free. */
char **argv_make(const struct bench *b, const char *command, size_t lane);
void argv_free(char **argv);

/* The path of `program` on PATH, or NULL; the caller frees. */
char *argv_find(const char *program);

/* Start argv[0] (a path) with these three descriptors as 0, 1 and 2, no signal blocked, and wait
 * for its end. */
must_check_ int argv_run(char *const *argv, const int stdio[3], int *ret_status, struct err *e);

/* The first line that it prints on either stream, "" when none; for versions and complaints. */
void argv_first_line(char *const *argv, char *ret, size_t size);
