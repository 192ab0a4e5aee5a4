/* up_loop.h - the loop of `minos up` (up_loop.c) and what it does while the service goes on
 * (up_change.c): restarts and reloads. */
#pragma once

#include "server/cli/up.h"
#include "server/cli/up_control.h"

struct json_t;

enum phase {
    START_BOX,
    START_REST,
    SERVING,
    STOP_SERVER,
    STOP_WORKER,
    STOP_COURIER,
    STOP_BOX,
    STOP_REST,
    OVER,
};

enum { UP_START_MS = 60000 }; /* for a child to say that it is ready */

/* A reload that is under way, see up_reload.c. */
struct up_reload {
    bool again;       /* asked for while this one was under way */
    unsigned waiting; /* who was told and has not answered, a bit each */
    int64_t deadline_mono_ns;
    struct json_t *changed, *needs_restart; /* keys; NULL: none is under way */
    char *languages;                        /* what the worker found */
    struct buf error;
};

struct loop {
    struct up *up;
    enum phase phase;
    int signal_fd;
    int status;               /* to exit with */
    int64_t deadline_mono_ns; /* of the phase; 0: none */
    bool killed;              /* the phase's deadline has passed once */
    int64_t next_mono_ns;     /* until when the next server must be ready; 0: there is none */
    bool changed_over;        /* UP_SERVER_NEXT is the one that goes */
    struct up_reload reload;
    struct up_control control;
};

/* Start a child; ERR_*: it was not. */
must_check_ int up_start(struct loop *l, struct up_child *c, struct err *e);

void up_ask_to_stop(const struct up_child *c);

/* Kill a whole session: the child, and what it started and did not take along. Only before the
 * child is reaped: until then its number cannot become somebody else's. */
void up_kill_session(const struct up_child *c);

/* ---- up_change.c */

void up_begin_restart(struct loop *l); /* SIGUSR2 */

/* UP_SERVER_NEXT has said that it is ready, or has ended. */
void up_change_over(struct loop *l);
void up_next_ended(struct loop *l, bool fine);

/* Look at the clock: what should be ready by now. */
void up_next_is_late(struct loop *l);

/* ---- up_reload.c */

void up_reload_begin(struct loop *l); /* SIGHUP, or a client */

/* UP_CHECK has ended; a child has said a line that is not its readiness (which is taken apart), has
 * ended or was replaced. */
void up_reload_checked(struct loop *l, bool fine);
void up_reload_heard(struct loop *l, struct up_child *c, char *line);
void up_reload_lost(struct loop *l, const struct up_child *c);

/* Look at the clock: who should have answered by now. */
void up_reload_look(struct loop *l);
void up_reload_done(struct loop *l);
