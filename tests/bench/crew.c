/* crew.c - the contestants of a lane; in the minos-bench process (init, done) and its lanes. */
#include "tests/bench/crew.h"

#include <stdio.h>
#include <string.h>

void crew_init(struct crew *c, const struct bench *b, struct entry *entries, size_t count)
{
    *c = (struct crew){ .bench = b, .entries = entries, .count = count };
    c->faults = lanes_share(sizeof *c->faults);
    for (size_t i = 0; i < count; i++)
        c->faults->out[i] = !entries[i].there;
}

void crew_done(struct crew *c)
{
    for (size_t i = 0; i < c->count; i++) {
        struct entry *entry = &c->entries[i];
        if (!entry->there || !c->faults->out[i])
            continue;
        entry->there = false;
        snprintf(entry->why, sizeof entry->why, "%s", c->faults->why[i]);
    }
    lanes_unshare(c->faults, sizeof *c->faults);
}

static void put_out(struct crew *c, size_t i, const struct err *e)
{
    if (!c->faults->out[i])
        snprintf(c->faults->why[i], sizeof c->faults->why[i], "failed on the way: %.*s",
                 (int)strcspn(e->msg, "\n"), e->msg);
    c->faults->out[i] = true;
}

void crew_open(struct crew *c, const struct lane *l)
{
    struct err e;
    for (size_t i = 0; i < c->count; i++) {
        const struct contestant *who = c->entries[i].contestant;
        if (!c->entries[i].there || (who->lanes > 0 && l->number >= who->lanes))
            continue;
        if (who->launcher->open(c->bench, who, l->number, &c->states[i], &e) < 0) {
            c->states[i] = NULL;
            put_out(c, i, &e);
        }
    }
}

void crew_close(struct crew *c)
{
    for (size_t i = 0; i < c->count; i++)
        if (c->states[i] != NULL)
            c->entries[i].contestant->launcher->close(c->states[i]);
}

bool crew_turn(struct crew *c, size_t i, int64_t ret_ns[SERIES_MAX])
{
    struct err e;
    if (c->faults->out[i] || c->states[i] == NULL)
        return false;
    if (c->entries[i].contestant->launcher->turn(c->states[i], ret_ns, &e) == 0)
        return true;
    put_out(c, i, &e);
    return false;
}
