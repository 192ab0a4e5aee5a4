/* lease.c - renews a claim and notices its end; slots. */
#include "worker/lease.h"

#include <unistd.h>

#include "sandbox/base/clock.h"

void lease_init(struct lease *l, struct store *s, struct events *ev, const struct claim *c,
                int64_t lease_ms)
{
    *l = (struct lease){
        .store = s,
        .events = ev,
        .claim = *c,
        .lease_ms = lease_ms,
        .renewed_mono_ns = clock_mono_ns(),
        .later = { .due_mono_ns = INT64_MAX },
    };
}

/* A store that is busy is asked again at the next check: until somebody else takes it, the claim
 * stays ours, and every result we write is checked against it anyway. */
static void renew(struct lease *l)
{
    bool mine = true;
    struct err ignored;
    if (queue_renew(l->store, &l->claim, l->lease_ms, &mine, &ignored) != 0)
        return;
    l->renewed_mono_ns = clock_mono_ns();
    l->lost = !mine;
}

enum box_cause lease_check(struct lease *l)
{
    bool named = events_take(l->events, l->claim.id);
    int64_t held_ns = clock_mono_ns() - l->renewed_mono_ns;
    if (!l->lost && (named || held_ns >= l->lease_ms * NS_PER_MS / 3))
        renew(l);
    l->over = l->over || l->events->drain_over;
    return l->lost || l->over ? BOX_CAUSE_CANCEL : BOX_CAUSE_NONE;
}

static enum box_cause check(void *ctx)
{
    struct lease *l = ctx;
    int64_t now_mono_ns = clock_mono_ns();
    if (now_mono_ns > l->overdue_mono_ns)
        _exit(LEASE_EXIT_HUNG);
    if (now_mono_ns >= l->later.due_mono_ns)
        l->later.call(l->later.ctx);
    return lease_check(l);
}

static int64_t until_ms(int64_t due_mono_ns)
{
    int64_t left_ns = due_mono_ns - clock_mono_ns();
    return left_ns > 0 ? left_ns / NS_PER_MS + 1 : 1;
}

struct box_watch lease_watch(struct lease *l, int64_t wall_time_ms)
{
    l->overdue_mono_ns = clock_mono_ns() + (wall_time_ms + LEASE_OVERDUE_MS) * NS_PER_MS;
    /* Twice as often as needed: a tick that comes a little early must not cost a whole period. */
    int64_t every_ms = l->lease_ms / 6 > 0 ? l->lease_ms / 6 : 1;
    int64_t later_ms =
        l->later.due_mono_ns != INT64_MAX ? until_ms(l->later.due_mono_ns) : every_ms;
    return (struct box_watch){
        .poll_fd = l->events->epoll_fd,
        .first_ms = later_ms < every_ms ? later_ms : every_ms,
        .every_ms = every_ms,
        .check = check,
        .ctx = l,
    };
}
