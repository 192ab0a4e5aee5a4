/*
 * hub.h - who waits for which submission: one thread listens for WAKE_PROGRESS and the clock and
 * tells the nodes that hang on an id. It looks each submission up in the store before it tells, and
 * looks again on its own every second, because a wake is a hint that may get lost.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "sandbox/base/log.h"
#include "schema/store.h"

/* What the hub knows when it calls a node. */
struct hub_view {
    struct store *store; /* the hub's own connection, for the length of the call */
    bool found;          /* false: there is no such submission (any more), or the store failed */
    bool changed;        /* a wake came for it; false: the node was due */
    bool stopping;       /* the server ends: the node must let go */
    enum submission_state state;
    int64_t now_mono_ns;
};

struct hub_node {
    char id[STORE_ID_BYTES];
    int64_t due_mono_ns; /* when to be called without a wake */
    /* In the hub's thread, no lock held. True: keep me (due_mono_ns was set anew); false: the hub
     * has let go, and never touches the node again (it may be freed within the call). */
    bool (*tell)(struct hub_node *n, const struct hub_view *v);
    struct hub_node *prev, *next;
};

/* How long, in nanoseconds, each part of a finished submission's way took; -1 where unknown, and
 * compile_ns also where nothing was compiled. */
struct hub_times {
    int64_t queue_ns, prepare_ns, compile_ns, run_ns, collect_ns, total_ns;
};

struct hub_options {
    const char *data_dir;
    const struct log *log;
    /* Called once for each submission that this server saw finish. */
    void (*finished)(void *ctx, const struct hub_times *t);
    void *ctx;
};

struct hub;

must_check_ int hub_new(const struct hub_options *opt, struct hub **ret, struct err *e);

/* From now on every node is told to let go. */
void hub_release(struct hub *h);
/* hub_release, and end the thread when all have. Nodes that come later are told by their caller. */
void hub_stop(struct hub *h);
void hub_free(struct hub *h); /* after hub_stop; accepts NULL */

/* Hang a node (any thread). It is told at once when the hub is stopping. */
void hub_add(struct hub *h, struct hub_node *n);

bool hub_is_final(enum submission_state s); /* done or cancelled */
