/* record.c - see record.h; slots. */
#include "worker/record.h"

#include "sandbox/base/cleanup.h"
#include "sandbox/base/clock.h"
#include "schema/wake.h"

/* While we wait for the store nobody reads a running program's output, of which a pipe holds some:
 * then it must be free soon, or not now. */
enum { PATIENCE_MS = 200 };

static const struct claim *claim_of(const struct record *r)
{
    return &r->job->lease->claim;
}

/* ---- what waits */

static void drop(struct record *r)
{
    for (size_t i = 0; i < r->test_count; i++)
        test_run_done(&r->tests[i]);
    compile_result_done(&r->compile);
    buf_done(&r->diagnostics);
    r->test_count = 0;
    r->compile_waits = false;
    r->kept_bytes = 0;
    r->due_mono_ns = r->job->lease->later.due_mono_ns = INT64_MAX;
}

static void is_due_later(struct record *r)
{
    if (r->due_mono_ns == INT64_MAX)
        r->due_mono_ns = clock_mono_ns() + RECORD_LATE_MS * NS_PER_MS;
    r->job->lease->later.due_mono_ns = r->due_mono_ns;
}

void record_compile(struct record *r, struct compile_result *result, struct buf *diagnostics)
{
    r->compile = *result;
    r->diagnostics = *diagnostics;
    *result = (struct compile_result){ 0 };
    buf_init(diagnostics, 0);
    r->compile_waits = true;
    is_due_later(r);
}

static int64_t kept_bytes(const struct test_run *t)
{
    return (int64_t)(t->stdout_keep.head.len + t->stdout_keep.ring_len + t->stderr_keep.head.len +
                     t->stderr_keep.ring_len);
}

void record_test(struct record *r, struct test_run *t)
{
    r->kept_bytes += kept_bytes(t);
    r->tests[r->test_count++] = *t;
    *t = (struct test_run){ 0 };
    is_due_later(r);
}

/* ---- into the store */

static int put_diagnostics(struct record *r, struct err *e)
{
    struct kept_output *out = &r->compile.output;
    const struct buf *text = &r->diagnostics;
    out->truncated = (int64_t)text->len < out->bytes;
    return text->len == 0 ? 0 : blob_put(r->j->store, text->data, text->len, &out->blob, e);
}

static void tell(const struct record *r)
{
    wake_tell(r->j->store, WAKE_PROGRESS, claim_of(r)->id);
}

/* What `said` says, and what waits. */
static int write_all(struct record *r, const struct attempt *said, bool *ret_mine, struct err *e)
{
    struct store *s = r->j->store;
    struct attempt a = *said;
    const struct test_result *tests[RECORD_TESTS_MAX];
    if (r->compile_waits && put_diagnostics(r, e) != 0)
        return -1;
    for (size_t i = 0; i < r->test_count; i++) {
        tests[i] = &r->tests[i].result;
        if (test_run_keep(&r->tests[i], s, e) != 0)
            return -1;
    }
    a.compile = r->compile_waits ? &r->compile : NULL;
    a.language_version = r->job->language->version;
    a.tests = tests;
    a.test_count = r->test_count;
    a.runs = true;
    if (queue_record(s, claim_of(r), &a, ret_mine, e) != 0)
        return -1;
    return *ret_mine ? store_commit(s, e) : 0;
}

static int flush(struct record *r, const struct attempt *a, int64_t patience_ms, bool *ret_mine,
                 struct err *e)
{
    enum store_durability d = a->verdict != VERDICT_NONE ? STORE_DURABLE : STORE_RELAXED;
    if (store_begin_within(r->j->store, d, patience_ms, e) != 0)
        return -1;
    int rc = write_all(r, a, ret_mine, e);
    store_rollback(r->j->store); /* unless it was committed */
    if (rc != 0 || !*ret_mine)
        return rc;
    drop(r);
    tell(r);
    return 0;
}

int record_due(struct record *r, bool *ret_mine, struct err *e)
{
    struct attempt a = { .verdict = VERDICT_NONE };
    *ret_mine = true;
    if (r->test_count < RECORD_TESTS_MAX && r->kept_bytes <= RECORD_KEPT_BYTES &&
        clock_mono_ns() < r->due_mono_ns)
        return 0;
    return flush(r, &a, 0, ret_mine, e);
}

int record_end(struct record *r, enum verdict v, bool *ret_mine, struct err *e)
{
    struct phases phases = phase_sum(r->job->clock);
    struct attempt a = { .verdict = v, .isolation_json = r->j->isolation_json, .phases = &phases };
    return flush(r, &a, 0, ret_mine, e);
}

/* ---- while a program runs */

/* What fails now is still there to be written when the program has ended, and fails then. */
static void write_meanwhile(void *ctx)
{
    struct record *r = ctx;
    struct attempt a = { .verdict = VERDICT_NONE };
    struct err ignored;
    bool mine = true;
    if (flush(r, &a, PATIENCE_MS, &mine, &ignored) != 0)
        return;
    r->job->lease->lost = !mine;
}

void record_init(struct record *r, const struct judge *j, const struct job *job)
{
    *r = (struct record){ .j = j, .job = job, .due_mono_ns = INT64_MAX };
    job->lease->later = (struct lease_later){ INT64_MAX, write_meanwhile, r };
}

void record_done(struct record *r)
{
    drop(r);
    r->job->lease->later = (struct lease_later){ INT64_MAX, NULL, NULL };
}
