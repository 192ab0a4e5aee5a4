/* phases.c - where the time of a submission goes; slots. */
#include "worker/phases.h"

#include "sandbox/base/clock.h"

void phase_start(struct phase_clock *c)
{
    *c = (struct phase_clock){ .now = PHASE_PREPARE, .since_mono_ns = clock_mono_ns() };
}

void phase_enter(struct phase_clock *c, enum phase next)
{
    int64_t now_mono_ns = clock_mono_ns();
    c->spent_ns[c->now] += now_mono_ns - c->since_mono_ns;
    c->since_mono_ns = now_mono_ns;
    c->now = next;
}

void phase_ran(struct phase_clock *c, enum phase ran, int64_t wall_ns)
{
    int64_t passed_ns = clock_mono_ns() - c->since_mono_ns;
    if (wall_ns > passed_ns) /* the keeper's clock and ours were read at other moments */
        wall_ns = passed_ns;
    c->spent_ns[ran] += wall_ns;
    c->since_mono_ns += wall_ns;
    phase_enter(c, PHASE_COLLECT);
}

struct phases phase_sum(struct phase_clock *c)
{
    phase_enter(c, c->now);
    return (struct phases){
        .present = true,
        .prepare_ns = c->spent_ns[PHASE_PREPARE],
        .compile_ns = c->spent_ns[PHASE_COMPILE],
        .run_ns = c->spent_ns[PHASE_RUN],
        .collect_ns = c->spent_ns[PHASE_COLLECT],
    };
}
