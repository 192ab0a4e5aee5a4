/* worker.h - what minos-worker was asked to do; shared by main.c, supervisor.c and slot.c. */
#pragma once

#include <stdint.h>

#include "sandbox/base/conf.h"
#include "sandbox/base/err.h"
#include "sandbox/base/log.h"
#include "sandbox/box.h"
#include "worker/language.h"

struct opt_list;

/* Made in main, passed down, never changed; a reload makes another. */
struct worker {
    struct conf conf;
    const char *config_file; /* --config, or NULL */
    const struct opt_list *sets;
    int64_t slots; /* --slots, or -1 */
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

/* The configuration and languages as they are now, for the supervisor to go on with: `next` is a
 * copy of `w` with a new conf, and `set` the languages, without versions. All or nothing. */
struct conf_change;
must_check_ int worker_reread(const struct worker *w, struct worker *next, struct language_set *set,
                              struct conf_change *change, struct err *e);

/* Reach a keeper, as the options say. */
must_check_ int worker_open_box(const struct worker *w, struct box **ret, struct err *e);

/* Run as the supervisor, or as slot w->slot, until SIGTERM; the exit status. */
int supervisor_run(struct worker *w); /* takes its conf */
int slot_run(const struct worker *w);

enum {
    WORKER_EXIT_OK = 0,
    WORKER_EXIT_FAILED = 1, /* could not serve, or must be restarted */
    WORKER_EXIT_USAGE = 2,
    /* 3: LEASE_EXIT_HUNG */
    WORKER_EXIT_KEEPER_DIED = 4, /* a slot: as if it had been killed itself */
};
