/* decide.c - the verdict as a pure function of what happened; slots. */
#include "worker/decide.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>

#include "sandbox/base/buf.h"
#include "sandbox/base/cleanup.h"
#include "sandbox/base/clock.h"
#include "sandbox/base/units.h"

enum end { CLEAN, CODE, SIGNAL, FILE_SIZE, CPU_SIGNAL, NO_MEMORY, NO_START };
enum hint { NO_HINT, MEMORY, PROCESSES };
enum comparison { NOTHING, RIGHT, SPACE, WRONG };
enum { ANY = -1 };

struct row {
    enum box_cause cause;
    int end, hint, comparison; /* the enums above, or ANY */
    enum verdict verdict;
};

static const struct row rows[] = {
#define DECIDE(cause, end, hint, comparison, verdict, reason)                                      \
    { BOX_CAUSE_##cause, end, hint, comparison, VERDICT_##verdict },
#include "worker/decide.def"
#undef DECIDE
};

static enum end end_of(const struct box_outcome *o)
{
    if (!o->started)
        return o->exec_errno == ENOMEM ? NO_MEMORY : NO_START;
    if (o->exited)
        return o->exit_code == 0 ? CLEAN : CODE;
    if (o->signal == SIGXFSZ)
        return FILE_SIZE;
    return o->signal == SIGXCPU ? CPU_SIGNAL : SIGNAL;
}

static enum hint hint_of(const struct decide_facts *f)
{
    if (f->memory_message || f->outcome->oom_kills > 0)
        return MEMORY;
    return f->outcome->process_refusals > 0 ? PROCESSES : NO_HINT;
}

static enum comparison comparison_of(enum compare_result r)
{
    switch (r) {
    case COMPARE_RIGHT:
        return RIGHT;
    case COMPARE_SPACE:
        return SPACE;
    case COMPARE_WRONG:
        return WRONG;
    }
    return NOTHING;
}

static bool fits(int wanted, int seen)
{
    return wanted == ANY || wanted == seen;
}

enum verdict decide_test(const struct decide_facts *facts)
{
    int end = (int)end_of(facts->outcome), hint = (int)hint_of(facts);
    int comparison = (int)comparison_of(facts->comparison);
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        const struct row *r = &rows[i];
        if (r->cause == facts->outcome->cause && fits(r->end, end) && fits(r->hint, hint) &&
            fits(r->comparison, comparison))
            return r->verdict;
    }
    return VERDICT_INTERNAL_ERROR; /* the unit test shows that every combination has a row */
}

enum verdict decide_submission(const enum verdict *tests, size_t count)
{
    enum verdict worst = VERDICT_ACCEPTED;
    for (size_t i = 0; i < count; i++) {
        if (tests[i] != VERDICT_SKIPPED && verdict_severity(tests[i]) > verdict_severity(worst))
            worst = tests[i];
    }
    return worst;
}

/* The calls that security_violation is about; others are shown by number. */
static const struct {
    long number;
    const char *name;
} calls[] = {
#define CALL(name)                                                                                 \
    {                                                                                              \
        SYS_##name, #name                                                                          \
    }
    CALL(ptrace),
    CALL(mount),
    CALL(umount2),
    CALL(pivot_root),
    CALL(chroot),
    CALL(setns),
    CALL(unshare),
    CALL(clone),
    CALL(bpf),
    CALL(perf_event_open),
    CALL(userfaultfd),
    CALL(keyctl),
    CALL(add_key),
    CALL(request_key),
    CALL(process_vm_readv),
    CALL(process_vm_writev),
    CALL(kexec_load),
    CALL(init_module),
    CALL(finit_module),
    CALL(delete_module),
    CALL(reboot),
    CALL(swapon),
    CALL(swapoff),
    CALL(sethostname),
    CALL(setdomainname),
    CALL(iopl),
    CALL(ioperm),
    CALL(acct),
    CALL(quotactl),
    CALL(io_uring_setup),
    CALL(open_by_handle_at),
    CALL(socket),
    CALL(mknod),
    CALL(mknodat),
    CALL(settimeofday),
    CALL(clock_settime),
    CALL(adjtimex),
    CALL(move_mount),
    CALL(open_tree),
    CALL(fsopen),
    CALL(fsmount),
    CALL(syslog),
    CALL(personality),
    CALL(kcmp),
    CALL(vhangup),
    CALL(lookup_dcookie),
    CALL(modify_ldt),
    CALL(clone3),
#undef CALL
};

static char *call_message(int number)
{
    if (number < 0) /* its end by SIGSYS is all that is known */
        return xstrdup("made a system call that is not allowed");
    for (size_t i = 0; i < ARRAY_COUNT(calls); i++) {
        if (calls[i].number == number)
            return xasprintf("made the system call %s, which is not allowed", calls[i].name);
    }
    return xasprintf("made system call number %d, which is not allowed", number);
}

static char *limit_message(const char *what, char *amount)
{
    return xasprintf("needed more than %s of %s", amount, what);
}

static char *end_message(const struct decide_facts *f)
{
    const struct box_outcome *o = f->outcome;
    if (!o->started)
        return xasprintf("could not be started: %s", strerror(o->exec_errno));
    if (o->exited && o->exit_code == 0)
        return NULL;
    const char *why = "";
    if (hint_of(f) == MEMORY)
        why = "; memory ran out";
    else if (hint_of(f) == PROCESSES)
        why = "; a new process or thread was refused";
    if (o->exited)
        return xasprintf("ended with exit code %d%s", o->exit_code, why);
    const char *name = sigabbrev_np(o->signal);
    return xasprintf("killed by signal %d%s%s%s", o->signal, name != NULL ? " SIG" : "",
                     name != NULL ? name : "", why);
}

char *decide_message(const struct decide_facts *facts, const struct limits *limits)
{
    const struct box_outcome *o = facts->outcome;
    char amount[UNITS_TEXT_BYTES];
    switch (o->cause) {
    case BOX_CAUSE_CPU:
        return limit_message("cpu time",
                             units_format_duration(limits->cpu_time_ms * NS_PER_MS, amount));
    case BOX_CAUSE_WALL:
    case BOX_CAUSE_IDLE:
        return xasprintf("%s for more than %s",
                         o->cause == BOX_CAUSE_IDLE ? "slept or waited" : "ran",
                         units_format_duration(limits->wall_time_ms * NS_PER_MS, amount));
    case BOX_CAUSE_MEMORY:
        return limit_message("memory", units_format_bytes(limits->memory_bytes, amount));
    case BOX_CAUSE_OUTPUT:
        if (o->signal == SIGXFSZ) /* a file, not a stream */
            return xasprintf("wrote more than %s into files",
                             units_format_bytes(limits->file_bytes, amount));
        return xasprintf("wrote more than %s", units_format_bytes(limits->output_bytes, amount));
    case BOX_CAUSE_PROCESSES:
        return xasprintf("needed more than %lld processes and threads",
                         (long long)limits->process_count);
    case BOX_CAUSE_SECCOMP:
        return call_message(o->seccomp_syscall);
    case BOX_CAUSE_CANCEL:
        return xstrdup("was stopped before its end");
    case BOX_CAUSE_ENOUGH:
    case BOX_CAUSE_PEER:
        return NULL;
    case BOX_CAUSE_NONE:
        break;
    }
    return end_message(facts);
}
