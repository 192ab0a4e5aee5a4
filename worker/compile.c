/* compile.c - compiles a submission in a cell, or finds what an earlier compile left; slots. */
#include "worker/compile.h"

#include <stdlib.h>
#include <string.h>

#include "sandbox/base/buf.h"
#include "sandbox/base/cleanup.h"
#include "worker/decide.h"
#include "worker/expand.h"
#include "worker/keep.h"
#include "worker/prepared.h"

/* Change it when what goes into an artifact changes its meaning. */
#define KEY_VERSION "minos artifact 1"

struct work {
    const struct judge *j;
    struct job *job;
    struct limits limits;
    struct text_list sources, argv, env; /* what ${sources} names; expanded */
    struct artifact prepared;            /* what compiles of the language share; often none */
    struct keep output;
    struct box_outcome outcome;
};

static void work_done(struct work *w)
{
    text_list_done(&w->sources);
    text_list_done(&w->argv);
    text_list_done(&w->env);
    artifact_done(&w->prepared);
    keep_done(&w->output);
}

/* The command line. What is prepared makes a compile faster and not different: the key of the
 * artifact is that of the line without it. */
static void expand_command(struct work *w, const struct text_list *prepared)
{
    const struct language *l = w->job->language;
    struct expand_vars vars = judge_vars(w->j, w->job, &w->limits, &w->sources);
    vars.prepared = prepared;
    text_list_done(&w->argv);
    expand_list(&l->compile_command, &vars, &w->argv);
}

static void work_init(struct work *w, const struct judge *j, struct job *job)
{
    const struct language *l = job->language;
    *w = (struct work){ .j = j, .job = job, .prepared = ARTIFACT_NONE };
    w->limits = language_compile_limits(l, &j->conf->compile_limits, &j->conf->ceilings);
    for (size_t i = 0; i < job->sources.names.count; i++) {
        if (text_list_glob(&l->compile_sources, job->sources.names.items[i]))
            text_list_add(&w->sources, job->sources.names.items[i]);
    }
    struct expand_vars vars = judge_vars(j, job, &w->limits, &w->sources);
    expand_command(w, NULL);
    judge_environment(&l->compile_environment, &vars, &w->env);
    keep_init(&w->output, (size_t)j->conf->worker_kept_output_bytes);
}

/* ---- the key: everything that a compile can depend on ---------------------------------------- */

static void hash_text(struct store_hash *h, const char *text)
{
    uint64_t len = strlen(text);
    store_hash_add(h, &len, sizeof(len));
    store_hash_add(h, text, len);
}

static void hash_list(struct store_hash *h, const struct text_list *l)
{
    uint64_t count = l->count;
    store_hash_add(h, &count, sizeof(count));
    for (size_t i = 0; i < l->count; i++)
        hash_text(h, l->items[i]);
}

static void make_key(const struct work *w, char ret_hex[STORE_HEX_BYTES])
{
    const struct language *l = w->job->language;
    const struct submission *sub = &w->job->sub;
    struct store_hash *h = store_hash_new();
    hash_text(h, KEY_VERSION);
    hash_text(h, l->id);
    hash_text(h, l->image);
    hash_text(h, l->version != NULL ? l->version : "");
    hash_text(h, w->job->sources.entry_point);
    hash_list(h, &w->argv);
    hash_list(h, &w->env);
    hash_list(h, &l->compile_artifacts);
    if (l->prepare_command.count != 0) {
        hash_list(h, &l->prepare_command);
        hash_list(h, &l->prepare_arguments);
    }
    for (size_t i = 0; i < limits_count; i++) {
        int64_t value = limits_get(&w->limits, &limits_table[i]);
        store_hash_add(h, &value, sizeof(value));
    }
    hash_list(h, &w->job->sources.names);
    for (size_t i = 0; i < sub->file_count; i++)
        store_hash_add(h, sub->files[i].content.sha256, STORE_SHA256_BYTES);
    uint8_t hash[STORE_SHA256_BYTES];
    store_hash_end(h, hash);
    store_hex(hash, ret_hex);
}

/* ---- running the compiler -------------------------------------------------------------------- */

static int on_output(void *ctx, const void *data, size_t len)
{
    keep_add(ctx, data, len);
    return 0;
}

static int use_prepared(struct work *w, struct err *e)
{
    const struct judge *j = w->j;
    const struct language *l = w->job->language;
    bool found = false;
    if (prepared_find(j->artifacts, j->conf, l, &w->job->sources, &w->prepared, &found, e) != 0)
        return -1;
    if (found)
        expand_command(w, &l->prepare_arguments);
    return 0;
}

static int run_compiler(struct work *w, struct err *e)
{
    struct job *job = w->job;
    if (use_prepared(w, e) != 0 || sources_fetch(w->j->store, &job->sub, &job->sources, e) != 0)
        return -1;
    struct box_sink sink = { .fd = -1, .write = on_output, .ctx = &w->output };
    struct box_command command = {
        .image = job->language->image,
        .artifact = w->prepared.has_files ? w->prepared.hex : NULL,
        .argv = text_list_argv(&w->argv),
        .env = text_list_argv(&w->env),
        .files = job->sources.files,
        .file_count = job->sources.count,
        .limits = w->limits,
        .stdin_fd = -1,
        .stdout_sink = sink,
        .stderr_sink = sink,
        .keep_files = job->language->compile_artifacts.count != 0,
    };
    struct box_watch watch = lease_watch(job->lease, w->limits.wall_time_ms);
    if (box_run(w->j->box, &command, 1, NULL, 0, &watch, &w->outcome, e) != 0)
        return err_wrap(e, "compile");
    phase_ran(job->clock, PHASE_COMPILE, w->outcome.wall_ns);
    if (!w->outcome.started)
        return err_set(e, ERR_SYS, w->outcome.exec_errno, "start the compiler %s: %s",
                       w->argv.items[0], strerror(w->outcome.exec_errno));
    return 0;
}

static void note(struct work *w, const char *text)
{
    if (text == NULL)
        return;
    auto_free_ char *line = xasprintf("minos: %s\n", text);
    keep_add(&w->output, line, strlen(line));
}

/* Whether the compiler itself said no; what a limit or a signal ended may go better next time. */
static bool ended_by_itself(const struct box_outcome *o)
{
    return o->cause == BOX_CAUSE_NONE && o->exited && o->oom_kills == 0;
}

static struct compile_result result_of(const struct work *w, bool ok)
{
    const struct box_outcome *o = &w->outcome;
    return (struct compile_result){
        .present = true,
        .verdict = ok ? VERDICT_ACCEPTED : VERDICT_COMPILE_ERROR,
        .cause = xstrdup(box_cause_name(o->cause)),
        .exit_code = o->exit_code,
        .signal = o->signal,
        .usage = judge_usage(o),
    };
}

/* ---- what it left ---------------------------------------------------------------------------- */

static bool wanted(void *ctx, const char *name)
{
    return text_list_glob(ctx, name);
}

struct harvest {
    struct box_collected *files;
    size_t count;
};

static void harvest_done(struct harvest *h)
{
    box_collected_free(h->files, h->count);
}

/* Fetch the artifacts; *ret_ok false, with a note, when there are none or too many bytes. */
static int harvest(struct work *w, struct harvest *h, bool *ret_ok, struct err *e)
{
    const struct language *l = w->job->language;
    size_t refused = 0;
    struct err why;
    *ret_ok = true;
    if (l->compile_artifacts.count == 0)
        return 0;
    struct text_list globs = l->compile_artifacts;
    if (box_collect(w->j->box, w->j->conf->worker_artifact_bytes, wanted, &globs, &h->files,
                    &h->count, &refused, &why) != 0) {
        if (why.kind != ERR_INPUT) {
            *e = why;
            return err_wrap(e, "collect what the compiler left");
        }
        note(w, why.msg);
        *ret_ok = false;
    } else if (h->count == 0) {
        note(w, "the compiler left no program");
        *ret_ok = false;
    }
    return 0;
}

static int release(const struct work *w, struct err *e)
{
    return w->job->language->compile_artifacts.count == 0 ? 0 : box_release(w->j->box, e);
}

static int keep_result(struct work *w, const char *hex, struct compile_result *result,
                       struct buf *diagnostics, struct err *e)
{
    __attribute__((cleanup(harvest_done))) struct harvest h = { 0 };
    const struct box_outcome *o = &w->outcome;
    bool ok = ended_by_itself(o) && o->exit_code == 0;
    struct decide_facts facts = { .outcome = o };
    auto_free_ char *why = decide_message(&facts, &w->limits);
    if (!ended_by_itself(o))
        note(w, why);
    if (ok && harvest(w, &h, &ok, e) != 0)
        return -1;
    if (release(w, e) != 0)
        return -1;
    *result = result_of(w, ok);
    result->output.bytes = w->output.total_bytes;
    keep_get(&w->output, diagnostics, &result->output.head_bytes);
    if (!ended_by_itself(o))
        return 0;
    return artifact_put(w->j->artifacts, hex, h.files, ok ? h.count : 0, result, diagnostics,
                        &w->job->artifact, e);
}

static int compile_work(struct work *w, struct compile_result *ret, struct buf *diagnostics,
                        bool *ret_stopped, struct err *e)
{
    char hex[STORE_HEX_BYTES];
    bool found = false;
    struct lease *lease = w->job->lease;
    make_key(w, hex);
    if (artifact_find(w->j->artifacts, hex, &w->job->artifact, ret, diagnostics, &found, e) != 0)
        return -1;
    if (found)
        return 0;
    bool mine = false;
    if (queue_advance(lease->store, &lease->claim, SUBMISSION_COMPILING, &mine, e) != 0)
        return -1;
    lease->lost = *ret_stopped = !mine;
    if (!mine)
        return 0;
    wake_send(w->j->conf->store_data_dir, WAKE_PROGRESS, lease->claim.id);
    if (run_compiler(w, e) != 0)
        return -1;
    if (w->outcome.cause == BOX_CAUSE_CANCEL) {
        *ret_stopped = true;
        return release(w, e);
    }
    return keep_result(w, hex, ret, diagnostics, e);
}

int compile_job(const struct judge *j, struct job *job, struct compile_result *ret,
                struct buf *diagnostics, bool *ret_stopped, struct err *e)
{
    struct work w;
    *ret_stopped = false;
    work_init(&w, j, job);
    int rc = compile_work(&w, ret, diagnostics, ret_stopped, e);
    work_done(&w);
    return rc;
}
