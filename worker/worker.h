/* worker.h - what minos-worker was asked to do; shared by main.c, supervisor.c and slot.c. */
#pragma once

#include <stdint.h>

#include "sandbox/base/conf.h"
#include "sandbox/base/err.h"
#include "sandbox/base/log.h"
#include "sandbox/box.h"
#include "worker/language.h"

/* Made in main, passed down, never changed. */
struct worker {
    struct conf conf;
    struct log log;
    const char *box_socket;  /* of `minos-box listen`; NULL: box_program is started instead */
    const char *box_program; /* minos-box */
    char **argv;             /* as given, for the slots */
    int argc;
    int64_t slot; /* -1: the supervisor */
    int ready_fd; /* -1: none */
    int held_fd;  /* a slot: where to note its claim (held.h); -1: nowhere */
};

/* Read the shipped language files, then those of worker.languages_dir. */
must_check_ int worker_languages(const struct worker *w, struct language_set *ret, struct err *e);

/* Reach a keeper, as the options say. */
must_check_ int worker_open_box(const struct worker *w, struct box **ret, struct err *e);

/* Run as the supervisor, or as slot w->slot, until SIGTERM; the exit status. */
int supervisor_run(const struct worker *w);
int slot_run(const struct worker *w);

enum {
    WORKER_EXIT_OK = 0,
    WORKER_EXIT_FAILED = 1, /* could not serve, or must be restarted */
    WORKER_EXIT_USAGE = 2,
};
