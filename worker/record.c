/* record.c - see record.h; slots. */
#include "worker/record.h"

#include "sandbox/base/cleanup.h"
#include "sandbox/base/clock.h"
#include "schema/wake.h"

/* While a program runs nobody reads its output: then the store must be free soon, or not now. */
enum { PATIENCE_MS = 20 };

/* A transaction that is rolled back where its scope ends before store_commit. */
static void txn_end(struct store **s)
{
    store_rollback(*s);
}

#define auto_txn_ __attribute__((cleanup(txn_end)))

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

/* Inside a transaction. */
static int put_all(struct record *r, bool *ret_mine, struct err *e)
{
    struct store *s = r->j->store;
    *ret_mine = true;
    if (r->compile_waits && (put_diagnostics(r, e) != 0 ||
                             queue_record_compile(s, claim_of(r), r->job->language->version,
                                                  &r->compile, ret_mine, e) != 0))
        return -1;
    for (size_t i = 0; *ret_mine && i < r->test_count; i++)
        if (test_run_record(&r->tests[i], s, claim_of(r), ret_mine, e) != 0)
            return -1;
    return 0;
}

static void tell(const struct record *r)
{
    wake_send(r->j->conf->store_data_dir, WAKE_PROGRESS, claim_of(r)->id);
}

static int flush(struct record *r, int64_t patience_ms, bool *ret_mine, struct err *e)
{
    if (store_begin_within(r->j->store, STORE_RELAXED, patience_ms, e) != 0)
        return -1;
    auto_txn_ struct store *txn = r->j->store;
    if (put_all(r, ret_mine, e) != 0)
        return -1;
    if (*ret_mine && r->compile_waits &&
        queue_advance(txn, claim_of(r), SUBMISSION_RUNNING, ret_mine, e) != 0)
        return -1;
    if (!*ret_mine)
        return 0;
    if (store_commit(txn, e) != 0)
        return -1;
    drop(r);
    tell(r);
    return 0;
}

int record_due(struct record *r, bool *ret_mine, struct err *e)
{
    *ret_mine = true;
    if (r->test_count < RECORD_TESTS_MAX && r->kept_bytes <= RECORD_KEPT_BYTES &&
        clock_mono_ns() < r->due_mono_ns)
        return 0;
    return flush(r, 0, ret_mine, e);
}

int record_end(struct record *r, enum verdict v, bool *ret_mine, struct err *e)
{
    struct phases phases = phase_sum(r->job->clock);
    if (store_begin(r->j->store, STORE_DURABLE, e) != 0)
        return -1;
    auto_txn_ struct store *txn = r->j->store;
    if (put_all(r, ret_mine, e) != 0)
        return -1;
    if (!*ret_mine)
        return 0;
    if (queue_record_phases(txn, claim_of(r), &phases, ret_mine, e) != 0)
        return -1;
    if (*ret_mine &&
        queue_finish(txn, claim_of(r), v, NULL, r->j->isolation_json, ret_mine, e) != 0)
        return -1;
    if (!*ret_mine)
        return 0;
    if (store_commit(txn, e) != 0)
        return -1;
    drop(r);
    tell(r);
    return 0;
}

/* ---- while a program runs */

/* What fails now is still there to be written when the program has ended, and fails then. */
static void write_meanwhile(void *ctx)
{
    struct record *r = ctx;
    struct err ignored;
    bool mine = true;
    if (flush(r, PATIENCE_MS, &mine, &ignored) != 0)
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
