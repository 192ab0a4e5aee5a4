/*
 * up_change.c - what changes while the service goes on; the `minos up` process.
 *
 * A rolling restart (SIGUSR2):
 *
 *     the next server starts beside the present one -> it is ready: it takes its place, and the
 *     other, asked to stop, answers what it has -> the other has ended: worker and courier stop in
 *     good order and are started again
 *
 * Both servers accept from the same socket while there are two, and while there is none it keeps
 * connections waiting: nobody is refused. A next server that cannot start changes nothing.
 *
 * A reload (SIGHUP): `minos-worker --check-languages` reads everything as the service would, as its
 * user. Only when that finds nothing wrong are the children told to read it too: what is wrong in
 * one file changes nothing in any process.
 */
#include <signal.h>

#include "sandbox/base/clock.h"
#include "server/cli/up_loop.h"

void up_begin_restart(struct loop *l)
{
    struct up_child *next = &l->up->children[UP_SERVER_NEXT];
    struct err e;
    if (l->phase != SERVING || next->pid != 0) {
        log_event(&l->up->log, LOG_WARN, "restart_ignored", "reason=%s",
                  next->pid != 0 ? "one is under way" : "not serving");
        return;
    }
    log_event(&l->up->log, LOG_INFO, "restarting", "name=%s", next->name);
    if (up_start(l, next, &e) < 0)
        log_error(&l->up->log, "restart_failed", &e);
    else
        l->next_mono_ns = clock_mono_ns() + UP_START_MS * NS_PER_MS;
}

/* The next server serves: it is the present one from now on. */
void up_change_over(struct loop *l)
{
    struct up_child *now = &l->up->children[UP_SERVER], *next = &l->up->children[UP_SERVER_NEXT];
    struct up_child before = *now;
    up_reload_lost(l, now);
    *now = *next;
    *next = before;
    next->restart_mono_ns = 0; /* it may just have died: no matter */
    l->next_mono_ns = 0;
    l->changed_over = true;
    if (next->pid != 0)
        up_ask_to_stop(next);
    else
        up_next_ended(l, true);
}

void up_next_ended(struct loop *l, bool fine)
{
    l->next_mono_ns = 0;
    if (!l->changed_over) {
        log_event(&l->up->log, LOG_ERROR, "restart_failed",
                  "reason=\"the next server ended before it was ready\"");
        return;
    }
    l->changed_over = false;
    log_event(&l->up->log, LOG_INFO, "restarted", "clean=%d", fine);
    up_ask_to_stop(&l->up->children[UP_COURIER]);
    up_ask_to_stop(&l->up->children[UP_WORKER]);
}

void up_next_is_late(struct loop *l)
{
    if (l->next_mono_ns == 0 || clock_mono_ns() < l->next_mono_ns)
        return;
    l->next_mono_ns = 0;
    up_kill_session(&l->up->children[UP_SERVER_NEXT]);
}
