/* test_run.c - runs one test of a submission and judges its output; slots. */
#include "worker/test_run.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <unistd.h>

#include "sandbox/base/cleanup.h"
#include "worker/decide.h"
#include "worker/expand.h"

enum { INPUT_PIECE_BYTES = 1 << 20, EXPECTED_COPIED_BYTES = 64 << 10, NEXT_INPUT_BYTES = 1 << 20 };

/* An expected output: a large one mapped, rather than copied for each test. */
struct expected {
    struct buf small;
    void *mapped; /* NULL: `small` has it */
    size_t len;
};

static void expected_done(struct expected *x)
{
    buf_done(&x->small);
    if (x->mapped != NULL)
        munmap(x->mapped, x->len);
}

static int expect(struct store *s, const struct blob *blob, struct expected *x, struct err *e)
{
    auto_fd_ int fd = -1;
    x->len = (size_t)blob->bytes;
    buf_init(&x->small, EXPECTED_COPIED_BYTES);
    if (blob->bytes <= EXPECTED_COPIED_BYTES)
        return blob_get(s, blob, &x->small, e) != 0 ? err_wrap(e, "expected output") : 0;
    if (blob_open(s, blob, &fd, e) != 0)
        return err_wrap(e, "expected output");
    void *p = mmap(NULL, x->len, PROT_READ, MAP_SHARED, fd, 0);
    if (p == MAP_FAILED)
        return err_sys(e, "map the expected output");
    x->mapped = p;
    return 0;
}

/* The input as a memfd of this run's own. A file of the store is one inode for all who get the same
 * input: locks on it would carry word between them, and fsync would have the store's disk flush. */
static int own_input(int *fd, struct err *e)
{
    enum { SEALS = F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL };
    int seals = fcntl(*fd, F_GET_SEALS); /* files of a tmpfs answer, too */
    if (seals >= 0 && (seals & F_SEAL_WRITE) != 0)
        return 0; /* a small one, which is a sealed memfd already */
    auto_fd_ int own = memfd_create("input", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (own < 0)
        return err_sys(e, "memfd_create");
    ssize_t n;
    do
        n = sendfile(own, *fd, NULL, INPUT_PIECE_BYTES);
    while (n > 0 || (n < 0 && errno == EINTR));
    if (n < 0 || fcntl(own, F_ADD_SEALS, SEALS) < 0 || lseek(own, 0, SEEK_SET) < 0)
        return err_sys(e, "copy the input");
    close_fd(fd);
    *fd = take_fd(&own);
    return 0;
}

struct listener {
    struct keep *keep;
    struct compare *compare; /* NULL: nothing is expected */
    bool may_stop;           /* the first wrong test is the last one */
};

/* Asks to stop as soon as the output is surely wrong, where the rest does not matter. Elsewhere a
 * wrong program goes on: it may still run out of time, which is another verdict. */
static int on_stdout(void *ctx, const void *data, size_t len)
{
    const struct listener *l = ctx;
    keep_add(l->keep, data, len);
    if (l->compare == NULL)
        return 0;
    compare_feed(l->compare, data, len);
    return l->may_stop && compare_hopeless(l->compare);
}

/* What is wrong by its output is wrong for that, whether we were there in time to stop it or it
 * ended otherwise just before: the verdict is not a matter of chance. Attacks stay visible. */
static void stopped_by_output(const struct listener *l, struct box_outcome *o)
{
    if (l->may_stop && l->compare != NULL && compare_hopeless(l->compare) &&
        o->cause != BOX_CAUSE_SECCOMP && o->cause != BOX_CAUSE_CANCEL)
        o->cause = BOX_CAUSE_ENOUGH;
}

static int on_stderr(void *ctx, const void *data, size_t len)
{
    keep_add(ctx, data, len);
    return 0;
}

void test_run_done(struct test_run *t)
{
    test_result_done(&t->result);
    keep_done(&t->stdout_keep);
    keep_done(&t->stderr_keep);
}

/* Whether the program is part of the artifact or the submission, and not a tool of the image. */
static bool own_program(const char *argv0)
{
    return strncmp(argv0, "./", 2) == 0 || strncmp(argv0, "/box/", 5) == 0;
}

/* ---- a test made ready ------------------------------------------------------------------------
 */

/* All that its run needs. It stays where it is: the box keeps pointers to the command, and that to
 * the listener. */
struct test_plan {
    size_t index;
    struct expected expected;
    struct compare *compare; /* NULL: nothing is expected */
    struct test_run run;
    struct listener listener;
    struct text_list argv, env;
    int stdin_fd;
    struct box_command command;
};

static void plan_free(struct test_plan *p)
{
    if (p == NULL)
        return;
    compare_free(p->compare);
    expected_done(&p->expected);
    test_run_done(&p->run);
    text_list_done(&p->argv);
    text_list_done(&p->env);
    close_fd(&p->stdin_fd);
    free(p);
}

static void plan_cleanup(struct test_plan **p)
{
    plan_free(*p);
}

#define auto_plan_ __attribute__((cleanup(plan_cleanup)))

static int plan_comparison(const struct judge *j, const struct job *job, struct test_plan *p,
                           struct err *e)
{
    const struct test_spec *spec = &job->sub.tests[p->index];
    p->listener =
        (struct listener){ .keep = &p->run.stdout_keep, .may_stop = job->sub.stop_on_failure };
    if (!spec->expected_output.present)
        return 0;
    struct expected *x = &p->expected;
    if (expect(j->store, &spec->expected_output, x, e) != 0)
        return -1;
    p->compare = compare_new(&job->sub.comparer,
                             x->mapped != NULL ? x->mapped : buf_text(&x->small), x->len);
    p->listener.compare = p->compare;
    return 0;
}

static int plan_command(const struct judge *j, const struct job *job, struct test_plan *p,
                        struct err *e)
{
    const struct language *lang = job->language;
    const struct test_spec *spec = &job->sub.tests[p->index];
    if (spec->stdin_blob.present && (blob_open(j->store, &spec->stdin_blob, &p->stdin_fd, e) != 0 ||
                                     own_input(&p->stdin_fd, e) != 0))
        return err_wrap(e, "input");
    struct expand_vars vars = judge_vars(j, job, &spec->limits, &job->sources.names);
    expand_list(&lang->run_command, &vars, &p->argv);
    judge_environment(&lang->run_environment, &vars, &p->env);
    p->command = (struct box_command){
        .image = lang->image,
        .artifact = job->artifact.has_files ? job->artifact.hex : NULL,
        .argv = text_list_argv(&p->argv),
        .env = text_list_argv(&p->env),
        .files = lang->run_sources ? job->sources.files : NULL,
        .file_count = lang->run_sources ? job->sources.count : 0,
        .limits = language_run_limits(lang, &spec->limits, &j->conf->ceilings),
        .stdin_fd = p->stdin_fd,
        .stdout_sink = { .fd = -1, .write = on_stdout, .ctx = &p->listener },
        .stderr_sink = { .fd = -1, .write = on_stderr, .ctx = &p->run.stderr_keep },
    };
    return 0;
}

static int plan_new(const struct judge *j, const struct job *job, size_t index,
                    struct test_plan **ret, struct err *e)
{
    size_t kept_bytes = (size_t)j->conf->worker_kept_output_bytes;
    auto_plan_ struct test_plan *p = xcalloc(1, sizeof *p);
    p->index = index;
    p->stdin_fd = -1;
    p->run.result.index = (int64_t)index;
    keep_init(&p->run.stdout_keep, kept_bytes);
    keep_init(&p->run.stderr_keep, kept_bytes);
    if (plan_comparison(j, job, p, e) != 0 || plan_command(j, job, p, e) != 0)
        return -1;
    *ret = p;
    p = NULL;
    return 0;
}

/* ---- the test after it, while it runs ---------------------------------------------------------
 */

struct present {
    const struct judge *j;
    struct job *job;
    size_t index;
};

/* A large input is not copied while somebody's output waits for us. What fails is tried again, and
 * told, when it is that test's turn. */
static const struct box_command *make_next_ready(void *ctx)
{
    const struct present *at = ctx;
    struct job *job = at->job;
    size_t index = at->index + 1;
    struct err e;
    if (job->next != NULL || index >= job->sub.test_count || at->j->conf->run_rerun_count != 0 ||
        job->sub.tests[index].stdin_blob.bytes > NEXT_INPUT_BYTES ||
        plan_new(at->j, job, index, &job->next, &e) != 0)
        return NULL;
    return &job->next->command;
}

/* The plan of this test, made while the last one ran or now. */
static int take_plan(const struct judge *j, struct job *job, size_t index, struct test_plan **ret,
                     struct err *e)
{
    if (job->next == NULL || job->next->index != index)
        return plan_new(j, job, index, ret, e);
    *ret = job->next;
    job->next = NULL;
    return 0;
}

void test_run_forget_next(const struct judge *j, struct job *job)
{
    struct err e;
    if (job->next == NULL)
        return;
    (void)!box_forget(j->box, &e); /* a keeper that has gone is found gone by its next use */
    plan_free(job->next);
    job->next = NULL;
}

/* ---- running it -------------------------------------------------------------------------------
 */

static int run_command(const struct judge *j, struct job *job, const struct test_plan *p,
                       struct box_outcome *outcome, struct err *e)
{
    struct present at = { .j = j, .job = job, .index = p->index };
    struct box_watch watch = lease_watch(job->lease, p->command.limits.wall_time_ms);
    watch.next = make_next_ready;
    watch.next_ctx = &at;
    if (box_run(j->box, &p->command, 1, NULL, 0, &watch, outcome, e) != 0)
        return -1;
    phase_ran(job->clock, PHASE_RUN, outcome->wall_ns);
    if (!outcome->started && outcome->exec_errno == ENOENT && !own_program(p->argv.items[0]))
        return err_sys(e, "%s is missing in image %s", p->argv.items[0], job->language->image);
    return 0;
}

/* Whether a runtime that failed said that memory ran out, in the part of stderr that is kept. */
static bool said_memory(const struct language *l, const struct box_outcome *o,
                        const struct keep *stderr_keep)
{
    int64_t head;
    if (l->run_memory_messages.count == 0 || (o->exited && o->exit_code == 0))
        return false;
    auto_buf_ struct buf text;
    buf_init(&text, 0);
    keep_get(stderr_keep, &text, &head);
    for (size_t i = 0; i < l->run_memory_messages.count; i++) {
        const char *said = l->run_memory_messages.items[i];
        if (text.len != 0 && memmem(text.data, text.len, said, strlen(said)) != NULL)
            return true;
    }
    return false;
}

static void conclude(const struct job *job, const struct test_spec *spec,
                     const struct box_outcome *o, struct compare *compare, struct test_run *t)
{
    struct decide_facts facts = {
        .outcome = o,
        .comparison = compare != NULL ? compare_end(compare) : (enum compare_result)0,
        .memory_message = said_memory(job->language, o, &t->stderr_keep),
    };
    struct limits limits = spec->limits;
    t->result.verdict = decide_test(&facts);
    t->result.cause = xstrdup(box_cause_name(o->cause));
    t->result.exit_code = o->started && o->exited ? o->exit_code : -1;
    t->result.signal = o->signal;
    t->result.usage = judge_usage(o);
    t->result.message = decide_message(&facts, &limits);
    if (t->result.message == NULL && compare != NULL && compare_message(compare)[0] != '\0')
        t->result.message = xstrdup(compare_message(compare));
}

int test_run(const struct judge *j, struct job *job, size_t index, struct test_run *ret,
             bool *ret_stopped, struct err *e)
{
    auto_plan_ struct test_plan *p = NULL;
    struct box_outcome outcome = { 0 };
    if (take_plan(j, job, index, &p, e) != 0 || run_command(j, job, p, &outcome, e) != 0)
        return -1;
    *ret_stopped = outcome.cause == BOX_CAUSE_CANCEL;
    stopped_by_output(&p->listener, &outcome);
    conclude(job, &job->sub.tests[index], &outcome, p->compare, &p->run);
    *ret = p->run;
    p->run = (struct test_run){ 0 };
    return 0;
}

int test_run_keep(struct test_run *t, struct store *s, struct err *e)
{
    return keep_store(&t->stdout_keep, s, &t->result.stdout_kept, e) != 0 ||
                   keep_store(&t->stderr_keep, s, &t->result.stderr_kept, e) != 0
               ? -1
               : 0;
}
