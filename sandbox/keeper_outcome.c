/*
 * keeper_outcome.c - from how a cell ended to what is told of it: pure, so that it can be fuzzed
 * (tests/fuzz/fuzz_outcome.c). Runs in the keeper.
 */
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <sys/wait.h>

#include "sandbox/base/clock.h"
#include "sandbox/keeper.h"

/* What the numbers say when nobody stopped it. */
static enum box_cause late_cause(const struct running *r, const struct cell_end *end)
{
    const struct box_outcome *o = &r->outcome;
    bool clean = o->exited && o->exit_code == 0;
    /* Also of a child, and whatever the program made of that: on v2 the kernel kills the whole cell
     * with it. */
    if (end->usage.oom_kills > 0)
        return BOX_CAUSE_MEMORY;
    if (o->cpu_ns > r->limits.cpu_time_ms * NS_PER_MS)
        return BOX_CAUSE_CPU;
    if (o->signal == SIGSYS)
        return BOX_CAUSE_SECCOMP;
    if (o->signal == SIGXFSZ)
        return BOX_CAUSE_OUTPUT;
    if (end->usage.process_refusals > 0 && !clean)
        return BOX_CAUSE_PROCESSES;
    return BOX_CAUSE_NONE;
}

/* A program that went against its process limit and then span or slept until it was stopped did so
 * for want of processes. */
static enum box_cause refine(const struct running *r, const struct cell_end *end)
{
    bool timed =
        r->cause == BOX_CAUSE_CPU || r->cause == BOX_CAUSE_WALL || r->cause == BOX_CAUSE_IDLE;
    if (timed && end->usage.oom_kills > 0)
        return BOX_CAUSE_MEMORY;
    if (timed && end->usage.process_refusals > 0)
        return BOX_CAUSE_PROCESSES;
    return r->cause;
}

static void fill_outcome(struct running *r, const struct cell_end *end)
{
    struct box_outcome *o = &r->outcome;
    const struct cgroup_usage *u = &end->usage;
    int status = end->report.wait_status;
    bool known = end->reported && r->cause == BOX_CAUSE_NONE;
    /* Once killed it ran no further, however long the kernel took to clear it away. */
    bool stopped = !end->reported && r->stop_mono_ns > 0;
    int64_t end_mono_ns = stopped ? r->stop_mono_ns : end->report.end_mono_ns;
    *o = (struct box_outcome){
        .started = end->exec_errno == 0,
        .exec_errno = end->exec_errno,
        .exited = known && WIFEXITED(status),
        .exit_code = known && WIFEXITED(status) ? WEXITSTATUS(status) : -1,
        .signal = !known                ? SIGKILL
                  : WIFSIGNALED(status) ? WTERMSIG(status)
                                        : 0,
        .seccomp_syscall = r->seccomp_syscall,
        .cpu_ns = u->cpu_ns,
        .user_ns = u->user_ns,
        .system_ns = u->system_ns,
        .wall_ns = end_mono_ns - r->cell.release_mono_ns,
        .release_mono_ns = r->cell.release_mono_ns,
        .memory_peak_bytes = u->memory_peak_bytes,
        .memory_nocache_bytes = u->memory_nocache_bytes,
        .rss_peak_bytes = (int64_t)end->report.usage.ru_maxrss * 1024,
        .process_peak_count =
            u->process_peak_count > 0 ? u->process_peak_count - 1 : -1, /* our init */
        .voluntary_switches = end->report.usage.ru_nvcsw,
        .involuntary_switches = end->report.usage.ru_nivcsw,
        .oom_kills = u->oom_kills,
        .process_refusals = u->process_refusals,
    };
    o->cause = r->cause == BOX_CAUSE_NONE ? late_cause(r, end) : refine(r, end);
    if (!o->started) /* an image too big for the memory limit fails in execve, before it can be
                        killed */
        o->cause =
            r->cause == BOX_CAUSE_NONE && o->exec_errno == ENOMEM ? BOX_CAUSE_MEMORY : r->cause;
}

/* Init is ours, but whoever took it over could tell anything: what no kernel reports is no report.
 */
static bool plausible(const struct running *r)
{
    const struct inside_report *p = &r->end.report;
    int status = p->wait_status;
    bool ended = WIFEXITED(status) || (WIFSIGNALED(status) && WTERMSIG(status) < NSIG);
    return ended && p->end_mono_ns >= r->cell.release_mono_ns && p->usage.ru_maxrss >= 0 &&
           p->usage.ru_maxrss <= INT64_MAX / 1024 && p->usage.ru_nvcsw >= 0 &&
           p->usage.ru_nivcsw >= 0;
}

int keeper_conclude(struct running *r, struct err *e)
{
    const struct cell_end *end = &r->end;
    r->ended = true;
    if (end->reported && !plausible(r))
        return err_set(e, ERR_SYS, 0, "a cell's init told what cannot be");
    if (end->usage.oom_kills > 0 && !end->usage.memory_limit_met)
        return err_set(e, ERR_SYS, ENOMEM, "the host ran out of memory below the command's limit");
    bool oom = end->usage.oom_kills > 0;
    if (end->unread && r->cause == BOX_CAUSE_NONE && !oom) /* and not by anything it did */
        return err_set(e, ERR_SYS, 0, "a cell's process was killed before it became the program");
    if (!end->reported && r->cause == BOX_CAUSE_NONE && !oom)
        return err_set(e, ERR_SYS, 0, "a cell's init died without a report");
    if (!end->reported && oom && r->cause == BOX_CAUSE_NONE)
        r->cause = BOX_CAUSE_MEMORY;
    fill_outcome(r, end);
    return 0;
}
