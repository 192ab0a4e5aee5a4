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

enum { INPUT_PIECE_BYTES = 1 << 20, EXPECTED_COPIED_BYTES = 64 << 10 };

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

static void compare_cleanup(struct compare **c)
{
    compare_free(*c);
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

static int run_command(const struct judge *j, const struct job *job, const struct test_spec *spec,
                       const struct listener *l, struct keep *stderr_keep,
                       struct box_outcome *outcome, struct err *e)
{
    const struct language *lang = job->language;
    auto_list_ struct text_list argv = { 0 }, env = { 0 };
    auto_fd_ int stdin_fd = -1;
    if (spec->stdin_blob.present &&
        (blob_open(j->store, &spec->stdin_blob, &stdin_fd, e) != 0 || own_input(&stdin_fd, e) != 0))
        return err_wrap(e, "input");
    struct expand_vars vars = judge_vars(j, job, &spec->limits, &job->sources.names);
    expand_list(&lang->run_command, &vars, &argv);
    judge_environment(&lang->run_environment, &vars, &env);
    struct box_command command = {
        .image = lang->image,
        .artifact = job->artifact.has_files ? job->artifact.hex : NULL,
        .argv = text_list_argv(&argv),
        .env = text_list_argv(&env),
        .files = lang->run_sources ? job->sources.files : NULL,
        .file_count = lang->run_sources ? job->sources.count : 0,
        .limits = language_run_limits(lang, &spec->limits, &j->conf->ceilings),
        .stdin_fd = stdin_fd,
        .stdout_sink = { .fd = -1, .write = on_stdout, .ctx = (void *)(uintptr_t)l },
        .stderr_sink = { .fd = -1, .write = on_stderr, .ctx = stderr_keep },
    };
    struct box_watch watch = lease_watch(job->lease, command.limits.wall_time_ms);
    if (box_run(j->box, &command, 1, NULL, 0, &watch, outcome, e) != 0)
        return -1;
    phase_ran(job->clock, PHASE_RUN, outcome->wall_ns);
    if (!outcome->started && outcome->exec_errno == ENOENT && !own_program(argv.items[0]))
        return err_sys(e, "%s is missing in image %s", argv.items[0], lang->image);
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

int test_run(const struct judge *j, const struct job *job, size_t index, struct test_run *ret,
             bool *ret_stopped, struct err *e)
{
    const struct test_spec *spec = &job->sub.tests[index];
    size_t kept_bytes = (size_t)j->conf->worker_kept_output_bytes;
    __attribute__((cleanup(expected_done))) struct expected expected = { 0 };
    __attribute__((cleanup(compare_cleanup))) struct compare *compare = NULL;
    auto_test_run_ struct test_run t = { .result.index = (int64_t)index };
    struct box_outcome outcome = { 0 };
    keep_init(&t.stdout_keep, kept_bytes);
    keep_init(&t.stderr_keep, kept_bytes);
    if (spec->expected_output.present) {
        if (expect(j->store, &spec->expected_output, &expected, e) != 0)
            return -1;
        const void *data = expected.mapped != NULL ? expected.mapped : buf_text(&expected.small);
        compare = compare_new(&job->sub.comparer, data, expected.len);
    }
    struct listener listener = { .keep = &t.stdout_keep,
                                 .compare = compare,
                                 .may_stop = job->sub.stop_on_failure };
    if (run_command(j, job, spec, &listener, &t.stderr_keep, &outcome, e) != 0)
        return -1;
    *ret_stopped = outcome.cause == BOX_CAUSE_CANCEL;
    stopped_by_output(&listener, &outcome);
    conclude(job, spec, &outcome, compare, &t);
    *ret = t;
    t = (struct test_run){ 0 };
    return 0;
}

int test_run_keep(struct test_run *t, struct store *s, struct err *e)
{
    return keep_store(&t->stdout_keep, s, &t->result.stdout_kept, e) != 0 ||
                   keep_store(&t->stderr_keep, s, &t->result.stderr_kept, e) != 0
               ? -1
               : 0;
}
