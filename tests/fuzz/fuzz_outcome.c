/*
 * fuzz_outcome.c - any end of a cell to its verdict: libFuzzer's entry (clang
 * -fsanitize=fuzzer,address).
 *
 * The bytes are what init reports, what the control group counted, who stopped the command, its
 * limits, and how its output compared. Whatever they are: what the keeper tells, its client can
 * read; every outcome has a verdict; and nobody is accepted who was stopped, was killed, failed, or
 * used more than its cpu time or memory.
 */
#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "sandbox/base/cleanup.h"
#include "sandbox/base/clock.h"
#include "sandbox/keeper.h"
#include "worker/decide.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* The input, from which fields are taken; zeros once it is used up. */
struct input {
    const uint8_t *data;
    size_t len;
};

static uint64_t take(struct input *in, size_t bytes)
{
    uint64_t v = 0;
    size_t n = bytes < in->len ? bytes : in->len;
    memcpy(&v, in->data, n);
    in->data += n;
    in->len -= n;
    return v;
}

/* A count or time as the kernel has them: never negative, often small. */
static int64_t take_count(struct input *in)
{
    uint64_t how = take(in, 1);
    return (int64_t)(take(in, how % 9) & INT64_MAX);
}

/* As above, or -1: this kernel does not tell. */
static int64_t take_known(struct input *in)
{
    return take(in, 1) % 8 == 0 ? -1 : take_count(in);
}

static void take_usage(struct input *in, struct cgroup_usage *u)
{
    u->cpu_ns = take_count(in);
    u->user_ns = take_count(in);
    u->system_ns = take_count(in);
    u->memory_peak_bytes = take_known(in);
    u->memory_nocache_bytes = take_known(in);
    u->oom_kills = take_count(in);
    u->process_peak_count = take_known(in);
    u->process_refusals = take_count(in);
    u->memory_limit_met = take(in, 1) % 2;
}

/* Any bytes: a report is only believed where it can be true. */
static void take_report(struct input *in, struct inside_report *p)
{
    p->tag = 'x';
    p->wait_status = (int)take(in, 4);
    p->usage.ru_maxrss = (long)take(in, 8);
    p->usage.ru_nvcsw = (long)take(in, 8);
    p->usage.ru_nivcsw = (long)take(in, 8);
    p->end_mono_ns = (int64_t)take(in, 8);
}

static void take_running(struct input *in, struct running *r)
{
    uint64_t flags = take(in, 1);
    r->cause = (enum box_cause)(take(in, 1) % (BOX_CAUSE_PEER + 1));
    r->cell.release_mono_ns = take_count(in) / 2;
    /* The keeper sets a time of stopping with a cause, and never before the release. */
    r->stop_mono_ns = r->cause != BOX_CAUSE_NONE ? r->cell.release_mono_ns + take_count(in) / 2 : 0;
    r->seccomp_syscall = r->cause == BOX_CAUSE_SECCOMP ? (int)take(in, 2) : -1;
    r->limits.cpu_time_ms = 1 + (int64_t)take(in, 3);
    r->end.exec_errno = (flags & 1) != 0 ? (int)(1 + take(in, 1)) : 0;
    r->end.reported = (flags & 2) != 0;
    if (r->end.reported)
        take_report(in, &r->end.report);
    else /* what keeper_cell.c's read_report puts there */
        r->end.report =
            (struct inside_report){ .wait_status = -1,
                                    .end_mono_ns = r->cell.release_mono_ns + take_count(in) / 2 };
    take_usage(in, &r->end.usage);
}

/* What the client makes of the keeper's message. */
static struct box_outcome over_the_wire(const struct box_outcome *o)
{
    auto_free_ struct wire_out *out = calloc(1, sizeof *out);
    assert(out != NULL);
    wire_put_outcome(out, 3, o);
    assert(!out->overflow);
    struct wire_message m = { .data = out->data, .len = out->len };
    struct box_outcome seen;
    uint32_t index;
    struct err e;
    int r = wire_read_outcome(&m, &index, &seen, &e);
    assert(r == 0 && index == 3);
    return seen;
}

static void judge(const struct running *r, const struct box_outcome *o, struct input *in)
{
    static const enum compare_result comparisons[] = { (enum compare_result)0, COMPARE_RIGHT,
                                                       COMPARE_SPACE, COMPARE_WRONG };
    struct decide_facts f = { .outcome = o,
                              .comparison = comparisons[take(in, 1) % 4],
                              .memory_message = take(in, 1) % 2 };
    enum verdict v = decide_test(&f);
    auto_free_ char *why = decide_message(&f, &r->limits);
    assert(v != VERDICT_INTERNAL_ERROR && v != VERDICT_SKIPPED);
    if (v == VERDICT_ACCEPTED) {
        assert(o->started && o->exited && o->exit_code == 0 && o->cause == BOX_CAUSE_NONE);
        assert(o->oom_kills == 0 && o->cpu_ns <= r->limits.cpu_time_ms * NS_PER_MS);
        assert(f.comparison != COMPARE_WRONG && f.comparison != COMPARE_SPACE);
    }
    assert((v == VERDICT_SECURITY_VIOLATION) == (o->cause == BOX_CAUSE_SECCOMP));
    bool silent =
        o->cause == BOX_CAUSE_NONE || o->cause == BOX_CAUSE_ENOUGH || o->cause == BOX_CAUSE_PEER;
    assert((why != NULL || silent) && (why == NULL || strstr(why, "-1") == NULL));
    if (r->cause != BOX_CAUSE_NONE && r->cause != BOX_CAUSE_CPU && r->cause != BOX_CAUSE_WALL &&
        r->cause != BOX_CAUSE_IDLE) /* the first cause stays, but for these */
        assert(o->cause == r->cause);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct input in = { data, len };
    struct running r = { 0 };
    struct err e;
    take_running(&in, &r);
    if (keeper_conclude(&r, &e) < 0) {
        assert(e.kind == ERR_SYS && e.msg[0] != '\0');
        return 0;
    }
    const struct box_outcome *o = &r.outcome;
    assert(o->wall_ns >= 0 && (!o->exited || o->signal == 0));
    assert(o->exited ? o->exit_code >= 0 : o->exit_code == -1 && o->signal > 0);
    struct box_outcome seen = over_the_wire(o);
    assert(seen.cause == o->cause && seen.cpu_ns == o->cpu_ns && seen.exit_code == o->exit_code);
    judge(&r, &seen, &in);
    return 0;
}
