/* judge.c - judges one claimed submission, in the order compile, tests, verdict; slots. */
#include "worker/judge.h"

#include <stdlib.h>
#include <string.h>

#include "sandbox/base/buf.h"
#include "sandbox/base/cleanup.h"
#include "schema/wake.h"
#include "worker/compile.h"
#include "worker/decide.h"
#include "worker/expand.h"
#include "worker/record.h"
#include "worker/rerun.h"

static const char *const base_environment[] = {
    "PATH=/usr/local/bin:/usr/bin:/bin",
    "HOME=/box",
    "LANG=C.UTF-8",
    "TMPDIR=/tmp",
};

static bool has_variable(const struct text_list *l, const char *assignment)
{
    size_t len = strcspn(assignment, "=") + 1;
    for (size_t i = 0; i < l->count; i++) {
        if (strncmp(l->items[i], assignment, len) == 0)
            return true;
    }
    return false;
}

void judge_environment(const struct text_list *own, const struct expand_vars *vars,
                       struct text_list *out)
{
    for (size_t i = 0; i < ARRAY_COUNT(base_environment); i++) {
        if (!has_variable(own, base_environment[i]))
            text_list_add(out, base_environment[i]);
    }
    expand_list(own, vars, out);
}

struct expand_vars judge_vars(const struct judge *j, const struct job *job,
                              const struct limits *limits, const struct text_list *sources)
{
    return (struct expand_vars){
        .source = job->sources.main_file,
        .entry_point = job->sources.entry_point,
        .sources = sources,
        .memory_bytes = limits->memory_bytes,
        .stack_bytes = limits->stack_bytes,
        .cpus = j->conf->box_cpus,
    };
}

struct usage judge_usage(const struct box_outcome *o)
{
    return (struct usage){
        .cpu_time_ns = o->cpu_ns,
        .user_time_ns = o->user_ns,
        .system_time_ns = o->system_ns,
        .wall_time_ns = o->wall_ns,
        .memory_peak_bytes = o->memory_peak_bytes,
        .memory_nocache_bytes = o->memory_nocache_bytes,
        .process_peak_count = o->process_peak_count,
    };
}

/* ---- compile --------------------------------------------------------------------------------- */

static void refuse_sources(const struct job *job, struct compile_result *r, struct buf *text)
{
    *r = (struct compile_result){
        .present = true,
        .verdict = VERDICT_COMPILE_ERROR,
        .cause = xstrdup(box_cause_name(BOX_CAUSE_NONE)),
        .exit_code = -1,
        .usage = { .memory_nocache_bytes = -1, .process_peak_count = -1 },
    };
    buf_printf(text, "minos: %s\n", job->sources.problem);
    r->output.bytes = r->output.head_bytes = (int64_t)text->len;
}

/* *ret_verdict: NONE when the tests can run, else the end. */
static int compile(const struct judge *j, struct job *job, struct record *record,
                   enum verdict *ret_verdict, bool *ret_stopped, struct err *e)
{
    __attribute__((cleanup(compile_result_done))) struct compile_result result = { 0 };
    auto_buf_ struct buf diagnostics;
    buf_init(&diagnostics, 0);
    bool mine = false;
    if (job->sources.problem != NULL) {
        refuse_sources(job, &result, &diagnostics);
    } else if (job->language->compile_command.count != 0) {
        if (compile_job(j, job, &result, &diagnostics, ret_stopped, e) != 0)
            return -1;
        if (*ret_stopped)
            return 0;
    }
    phase_enter(job->clock, PHASE_COLLECT);
    bool ok = result.verdict == VERDICT_ACCEPTED || !result.present;
    record_compile(record, &result, &diagnostics);
    if (ok)
        return 0;
    if (record_end(record, VERDICT_COMPILE_ERROR, &mine, e) != 0)
        return -1;
    job->lease->lost = *ret_stopped = !mine;
    *ret_verdict = VERDICT_COMPILE_ERROR;
    return 0;
}

/* ---- tests ----------------------------------------------------------------------------------- */

/* The last test's record and the verdict are one durable transaction: nobody sees the one without
 * the other, and there is one disk flush for both. */
static int run_tests(const struct judge *j, struct job *job, struct record *record,
                     enum verdict *ret_verdict, bool *ret_stopped, struct err *e)
{
    enum verdict worst = VERDICT_ACCEPTED;
    for (size_t i = 0; i < job->sub.test_count; i++) {
        auto_test_run_ struct test_run t = { 0 };
        bool mine = false;
        phase_enter(job->clock, PHASE_PREPARE);
        if (lease_check(job->lease) != BOX_CAUSE_NONE) {
            *ret_stopped = true;
            return 0;
        }
        if (rerun_test(j, job, i, &t, ret_stopped, e) != 0)
            return err_wrap(e, "test %zu", i + 1);
        if (*ret_stopped)
            return 0;
        worst = decide_submission((enum verdict[]){ worst, t.result.verdict }, 2);
        bool last = i + 1 == job->sub.test_count ||
                    (job->sub.stop_on_failure && !verdict_is_accepted(t.result.verdict));
        record_test(record, &t);
        if ((last ? record_end(record, worst, &mine, e) : record_due(record, &mine, e)) != 0)
            return -1;
        if (!mine) {
            job->lease->lost = *ret_stopped = true;
            return 0;
        }
        if (last)
            break;
    }
    *ret_verdict = worst;
    return 0;
}

/* ---- the whole ------------------------------------------------------------------------------- */

static void job_done(struct job *job)
{
    artifact_done(&job->artifact);
    sources_done(&job->sources);
    submission_done(&job->sub);
}

static int load(const struct judge *j, struct job *job, struct err *e)
{
    bool found = false;
    if (submission_load(j->store, job->lease->claim.id, &job->sub, &found, e) != 0)
        return -1;
    if (!found)
        return err_bug(e, "submission %s was claimed but is not there", job->lease->claim.id);
    job->language = language_find(j->languages, job->sub.language);
    if (job->language == NULL)
        return err_input(e, "language %s is not known to this worker", job->sub.language);
    if (job->language->version == NULL)
        return err_input(e, "language %s is not installed; install: %s", job->sub.language,
                         job->language->package != NULL ? job->language->package : "its tools");
    return sources_open(j->store, &job->sub, job->language, &job->sources, e);
}

static int judge_job(const struct judge *j, struct job *job, enum verdict *ret_verdict,
                     bool *ret_stopped, struct err *e)
{
    if (load(j, job, e) != 0)
        return -1;
    auto_record_ struct record record;
    record_init(&record, j, job);
    if (compile(j, job, &record, ret_verdict, ret_stopped, e) != 0)
        return -1;
    if (*ret_stopped || *ret_verdict != VERDICT_NONE)
        return 0;
    return run_tests(j, job, &record, ret_verdict, ret_stopped, e);
}

int judge_submission(const struct judge *j, struct lease *lease, enum judge_end *ret_end,
                     enum verdict *ret_verdict, struct err *e)
{
    struct phase_clock clock;
    struct job job = { .lease = lease, .clock = &clock, .artifact = ARTIFACT_NONE };
    enum verdict verdict = VERDICT_NONE;
    bool stopped = false;
    phase_start(&clock);
    int rc = judge_job(j, &job, &verdict, &stopped, e);
    if (rc == 0 && !stopped && job.sub.callback_url != NULL)
        wake_send(j->conf->store_data_dir, WAKE_CALLBACK, "");
    test_run_forget_next(j, &job);
    job_done(&job);
    if (rc != 0)
        return -1;
    if (stopped) {
        *ret_end = lease->lost ? JUDGE_LOST : JUDGE_STOPPED;
        return 0;
    }
    *ret_end = JUDGE_DONE;
    *ret_verdict = verdict;
    return 0;
}
