/* wait.c - waiting for a verdict; minos-server, the hub's thread. */
#include "server/wait.h"

#include <stdio.h>
#include <string.h>

#include "sandbox/base/clock.h"
#include "sandbox/base/units.h"

enum {
    FIRST_LOOK_MS = 50,   /* what ended before we began to listen is found after this */
    LATER_LOOK_MS = 1000, /* what was missed later, after this */
};

bool wait_parse(struct request *r, int64_t *ret_ms)
{
    const char *text = request_query(r, "wait");
    int64_t ns = 0, max_ms = r->srv->conf->server_wait_max_ms;
    *ret_ms = 0;
    if (text == NULL)
        return true;
    char with_unit[32];
    struct err e;
    int n = snprintf(with_unit, sizeof with_unit, "%ss", text);
    if (n < (int)sizeof with_unit && units_parse_duration(with_unit, &ns, &e) == 0 && ns >= 0 &&
        ns / NS_PER_MS <= max_ms) {
        *ret_ms = ns / NS_PER_MS;
        return true;
    }
    request_parameter_fault(r, "wait", text, "seconds, from 0 to %g", (double)max_ms / 1000);
    request_problem(r);
    return false;
}

static bool tell(struct hub_node *n, const struct hub_view *v)
{
    struct waiter *w = (struct waiter *)n;
    bool over = v->stopping || (v->found && hub_is_final(v->state)) ||
                v->now_mono_ns >= w->deadline_mono_ns;
    if (over) {
        request_resume(w->request); /* from here on w may be gone */
        return false;
    }
    int64_t again = v->now_mono_ns + LATER_LOOK_MS * NS_PER_MS;
    n->due_mono_ns = again < w->deadline_mono_ns ? again : w->deadline_mono_ns;
    return true;
}

void wait_start(struct waiter *w, struct request *r, const char *id, int64_t wait_ms)
{
    int64_t now = clock_mono_ns(), first = now + FIRST_LOOK_MS * NS_PER_MS;
    *w = (struct waiter){
        .node = { .tell = tell },
        .request = r,
        .deadline_mono_ns = now + wait_ms * NS_PER_MS,
    };
    memcpy(w->node.id, id, STORE_ID_BYTES);
    w->node.due_mono_ns = first < w->deadline_mono_ns ? first : w->deadline_mono_ns;
    hub_add(r->srv->hub, &w->node);
}
