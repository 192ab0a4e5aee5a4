/* groundwork.c - makes languages quick while there is nothing else to do; one slot. */
#include "worker/groundwork.h"

#include <inttypes.h>
#include <poll.h>
#include <string.h>

#include "sandbox/base/buf.h"
#include "sandbox/base/cleanup.h"
#include "sandbox/base/clock.h"
#include "worker/judge.h"
#include "worker/prepared.h"

/* Of each language, in this order. */
enum step { STEP_PREPARE, STEP_COMPILE, STEP_RUN, STEPS };

void groundwork_init(struct groundwork *g, const struct groundwork_tools *tools,
                     atomic_size_t *next)
{
    g->tools = *tools;
    g->next = next != NULL ? next : &g->own_next;
    g->step = STEP_PREPARE;
    g->idle_mono_ns = clock_mono_ns();
    g->spent_ns = 0;
    if (next == NULL)
        atomic_store(&g->own_next, 0);
}

bool groundwork_left(const struct groundwork *g)
{
    return atomic_load(g->next) < g->tools.languages->count;
}

bool groundwork_overdue(const struct groundwork *g)
{
    return groundwork_left(g) &&
           clock_mono_ns() - g->idle_mono_ns > GROUNDWORK_PATIENCE_MS * NS_PER_MS;
}

static enum box_cause check(void *ctx)
{
    const struct events *ev = ctx;
    struct pollfd p = { .fd = ev->epoll_fd, .events = POLLIN };
    return poll(&p, 1, 0) > 0 ? BOX_CAUSE_CANCEL : BOX_CAUSE_NONE;
}

static void complain(const struct groundwork *g, const struct language *l, const char *step,
                     const struct box_outcome *o, const struct buf *text)
{
    char quoted[LOG_QUOTE_BYTES];
    log_event(g->tools.log, LOG_WARN, "groundwork_failed",
              "language=%s step=%s exit_code=%d signal=%d cause=%s output=%s", l->id, step,
              o->exit_code, o->signal, box_cause_name(o->cause), log_quote(buf_text(text), quoted));
}

/* ---- the steps: what they ran, if anything, is in *o ------------------------------------------
 */

static int prepare(struct groundwork *g, const struct tool_run *run, struct box_outcome *o,
                   struct err *e)
{
    const struct language *l = run->language;
    struct artifact a = ARTIFACT_NONE;
    const struct sources none = { .count = 0 };
    auto_buf_ struct buf said;
    buf_init(&said, 0);
    bool found = false, made = false;
    if (l->prepare_command.count == 0)
        return 0;
    if (prepared_find(g->tools.artifacts, g->tools.conf, l, &none, &a, &found, e) != 0)
        return -1;
    if (found)
        artifact_read_ahead(g->tools.artifacts, &a);
    artifact_done(&a);
    if (found)
        return 0;
    if (prepared_make(g->tools.artifacts, run, o, &said, &made, e) != 0)
        return -1;
    if (made)
        log_event(g->tools.log, LOG_INFO, "prepared", "language=%s took_ms=%" PRId64, l->id,
                  o->wall_ns / NS_PER_MS);
    else if (o->cause != BOX_CAUSE_CANCEL)
        complain(g, l, "prepare", o, &said);
    return 0;
}

static bool wanted(void *ctx, const char *name)
{
    return text_list_glob(ctx, name);
}

/* The name of the compiled hello: of this state of the tools. */
static void hello_key(const struct tool_run *run, char ret_hex[STORE_HEX_BYTES])
{
    uint8_t hash[STORE_SHA256_BYTES];
    char prepared[STORE_HEX_BYTES];
    struct store_hash *h = store_hash_new();
    prepared_key(run->conf, run->language, prepared);
    store_hash_add(h, "minos hello 1", sizeof("minos hello 1"));
    store_hash_add(h, prepared, strlen(prepared));
    store_hash_end(h, hash);
    store_hex(hash, ret_hex);
}

static int keep_hello(struct groundwork *g, const struct tool_run *run, const struct box_outcome *o,
                      struct err *e)
{
    char hex[STORE_HEX_BYTES];
    struct artifact a = ARTIFACT_NONE;
    struct buf nothing = { 0 };
    struct box_collected *files = NULL;
    size_t count = 0, refused;
    struct text_list globs = run->language->compile_artifacts;
    struct compile_result result = {
        .present = true,
        .verdict = VERDICT_ACCEPTED,
        .usage = judge_usage(o),
    };
    hello_key(run, hex);
    int rc = box_collect(run->box, run->conf->worker_artifact_bytes, wanted, &globs, &files, &count,
                         &refused, e);
    if (rc == 0 &&
        artifact_put(g->tools.artifacts, hex, files, count, &result, &nothing, &a, e) != 0) {
        e->kind = ERR_BUSY; /* as in prepared_make */
        rc = -1;
    }
    artifact_done(&a);
    box_collected_free(files, count);
    return rc;
}

/* Compiled even if the last start has done it: the compiler's files shall be in memory. */
static int compile(struct groundwork *g, struct tool_run *run, struct box_outcome *o, struct err *e)
{
    const struct language *l = run->language;
    const struct sources none = { .count = 0 };
    struct artifact shared = ARTIFACT_NONE;
    auto_keep_ struct keep output = { 0 };
    bool found = false;
    if (l->compile_command.count == 0)
        return 0;
    if (prepared_find(g->tools.artifacts, g->tools.conf, l, &none, &shared, &found, e) != 0)
        return -1;
    run->command = &l->compile_command;
    run->artifact = found ? shared.hex : NULL;
    run->prepared = found ? &l->prepare_arguments : NULL;
    run->keep_files = l->compile_artifacts.count != 0;
    int rc = tool_run(run, &output, o, e);
    if (rc == 0 && run->keep_files && tool_ended_well(o))
        rc = keep_hello(g, run, o, e);
    struct err ignored;
    if (run->keep_files && box_release(run->box, rc == 0 ? e : &ignored) != 0)
        rc = -1;
    run->artifact = NULL; /* ours, and gone when we return */
    run->prepared = NULL;
    artifact_done(&shared);
    return rc;
}

static int run_hello(struct groundwork *g, struct tool_run *run, struct box_outcome *o,
                     struct err *e)
{
    const struct language *l = run->language;
    char hex[STORE_HEX_BYTES];
    struct artifact a = ARTIFACT_NONE;
    struct compile_result result = { 0 };
    auto_keep_ struct keep output = { 0 };
    auto_buf_ struct buf ignored;
    buf_init(&ignored, 0);
    bool found = false;
    if (l->compile_artifacts.count != 0) {
        hello_key(run, hex);
        if (artifact_find(g->tools.artifacts, hex, &a, &result, &ignored, &found, e) != 0)
            return -1;
        compile_result_done(&result);
    }
    run->command = &l->run_command;
    run->artifact = found ? hex : NULL;
    run->with_hello = l->run_sources;
    int rc = found || l->compile_artifacts.count == 0 ? tool_run(run, &output, o, e) : 0;
    run->artifact = NULL; /* ours, and gone when we return */
    artifact_done(&a);
    return rc;
}

static int take(struct groundwork *g, struct tool_run *run, struct box_outcome *o, struct err *e)
{
    switch ((enum step)g->step) {
    case STEP_PREPARE:
        return prepare(g, run, o, e);
    case STEP_COMPILE:
        return compile(g, run, o, e);
    case STEP_RUN:
        return run_hello(g, run, o, e);
    case STEPS:
        break;
    }
    return 0;
}

static void go_on(struct groundwork *g, bool whole_language)
{
    if (!whole_language && ++g->step < STEPS)
        return;
    g->step = STEP_PREPARE;
    if (atomic_fetch_add(g->next, 1) + 1 == g->tools.languages->count)
        log_event(g->tools.log, LOG_INFO, "groundwork_done", "languages=%zu took_ms=%" PRId64,
                  g->tools.languages->count, g->spent_ns / NS_PER_MS);
}

/* Trouble of one language, or with storing: the box can still be used. */
static bool is_forgiven(const struct err *e)
{
    return e->kind == ERR_INPUT || e->kind == ERR_BUSY;
}

/* A slot that dies in a step starts behind that language. */
static int take_guarded(struct groundwork *g, size_t at, struct tool_run *run,
                        struct box_outcome *o, struct err *e)
{
    atomic_store(g->next, at + 1);
    int rc = take(g, run, o, e);
    if (rc == 0 || is_forgiven(e))
        atomic_store(g->next, at);
    return rc;
}

int groundwork_step(struct groundwork *g, struct err *e)
{
    size_t at = atomic_load(g->next);
    if (at >= g->tools.languages->count)
        return 0;
    const struct language *l = &g->tools.languages->items[at];
    if (l->version == NULL || l->hello == NULL) {
        go_on(g, true);
        return 0;
    }
    struct box_watch watch = { .poll_fd = g->tools.events->epoll_fd,
                               .check = check,
                               .ctx = g->tools.events };
    struct tool_run run = { .conf = g->tools.conf,
                            .box = g->tools.box,
                            .language = l,
                            .with_hello = true,
                            .watch = groundwork_overdue(g) ? NULL : &watch };
    struct box_outcome o = { 0 };
    int64_t from_ns = clock_mono_ns();
    int rc = take_guarded(g, at, &run, &o, e);
    g->spent_ns += clock_mono_ns() - from_ns;
    if (rc != 0 && !is_forgiven(e))
        return err_wrap(e, "groundwork for %s", l->id);
    if (rc != 0)
        log_error(g->tools.log, "groundwork_failed", e);
    if (o.cause == BOX_CAUSE_CANCEL)
        return 0; /* again, when there is time */
    g->idle_mono_ns = clock_mono_ns();
    go_on(g, rc != 0);
    return 0;
}
