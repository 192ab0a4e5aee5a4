/* wallclock.c - see wallclock.h; minos-server, the writer's thread. */
#include "server/wallclock.h"

#include "sandbox/base/clock.h"

static int64_t ahead_ms(void)
{
    return clock_unix_ms() - clock_mono_ns() / NS_PER_MS;
}

void wallclock_init(struct wallclock *c)
{
    *c = (struct wallclock){ .ahead_ms = ahead_ms() };
}

int64_t wallclock_look(struct wallclock *c)
{
    int64_t now_ms = ahead_ms(), by_ms = now_ms - c->ahead_ms;
    c->ahead_ms = now_ms;
    if (by_ms > -WALLCLOCK_STEP_MS && by_ms < WALLCLOCK_STEP_MS)
        return 0;
    c->was_set = true;
    c->set_mono_ns = clock_mono_ns();
    return by_ms;
}

bool wallclock_trusted(const struct wallclock *c)
{
    return !c->was_set || clock_mono_ns() - c->set_mono_ns > WALLCLOCK_HOLD_MS * NS_PER_MS;
}
