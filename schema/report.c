/* report.c - reading for people and the API: one submission whole, lists, totals; server. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sandbox/base/buf.h"
#include "sandbox/base/cleanup.h"
#include "schema/inner.h"

/* ---- one submission */

void report_done(struct submission_report *r)
{
    submission_done(&r->sub);
    compile_result_done(&r->compile);
    for (size_t i = 0; i < r->result_count; i++)
        test_result_done(&r->results[i]);
    free(r->results);
    free(r->language_version);
    free(r->message);
    free(r->isolation_json);
    *r = (struct submission_report){ 0 };
}

static int read_isolation(struct store *s, const struct blob *b, char **ret, struct err *e)
{
    auto_buf_ struct buf text;
    buf_init(&text, 0);
    if (!b->present)
        return 0;
    if (blob_get(s, b, &text, e) < 0)
        return -1;
    *ret = buf_take(&text);
    return 0;
}

static int read_end(struct store *s, int64_t seq, struct submission_report *r, struct err *e)
{
    auto_stmt_ struct stmt *q =
        sql_use(s, "SELECT s.message, b.id, b.sha256, b.bytes FROM submission s "
                   "LEFT JOIN blob b ON b.id = s.isolation_blob WHERE s.seq = ?");
    sql_bind_int(q, seq);
    bool found = false;
    if (sql_row(q, &found, e) < 0)
        return -1;
    if (!found)
        return 0;
    struct blob isolation;
    r->message = sql_text(q);
    blob_read(q, &isolation);
    return read_isolation(s, &isolation, &r->isolation_json, e);
}

static struct test_result skipped(size_t index)
{
    return (struct test_result){
        .index = (int64_t)index,
        .verdict = VERDICT_SKIPPED,
        .cause = xstrdup("none"),
        .exit_code = -1,
        .usage = { .memory_nocache_bytes = -1, .process_peak_count = -1 },
    };
}

/* A submission that has ended has a result for each test: those that were not recorded are skipped.
 * They are made here rather than written, so that ending one with 10,000 tests costs one row. */
static void fill_skipped(struct submission_report *r)
{
    struct test_result *all = xcalloc(r->sub.test_count, sizeof *all);
    size_t next = 0;
    for (size_t i = 0; i < r->sub.test_count; i++) {
        if (next < r->result_count && r->results[next].index == (int64_t)i)
            all[i] = r->results[next++];
        else
            all[i] = skipped(i);
    }
    for (; next < r->result_count; next++) /* beyond the tests: a slot's mistake, and not shown */
        test_result_done(&r->results[next]);
    free(r->results);
    r->results = all;
    r->result_count = r->sub.test_count;
}

static int read_all(struct store *s, const char *id, struct submission_report *r, bool *ret_found,
                    struct err *e)
{
    int64_t seq = 0;
    if (submission_read(s, id, &r->sub, &seq, ret_found, e) < 0)
        return -1;
    if (!*ret_found)
        return 0;
    if (result_read_compile(s, seq, &r->compile, &r->language_version, e) < 0 ||
        result_read_tests(s, seq, &r->results, &r->result_count, e) < 0 ||
        result_read_phases(s, seq, &r->phases, e) < 0 || read_end(s, seq, r, e) < 0)
        return -1;
    if (r->sub.state == SUBMISSION_DONE || r->sub.state == SUBMISSION_CANCELLED)
        fill_skipped(r);
    return 0;
}

int report_load(struct store *s, const char *id, struct submission_report *ret, bool *ret_found,
                struct err *e)
{
    auto_tx_ struct tx t = { 0 };
    struct submission_report r = { 0 };
    if (tx_begin_read(&t, s, e) < 0)
        return -1;
    if (read_all(s, id, &r, ret_found, e) < 0) {
        report_done(&r);
        return err_wrap(e, "read submission %s", id);
    }
    if (*ret_found)
        *ret = r;
    return 0;
}

int report_times(struct store *s, const char *id, struct submission_times *ret, bool *ret_found,
                 struct err *e)
{
    auto_stmt_ struct stmt *q =
        sql_use(s, "SELECT s.created_unix_ms, s.started_unix_ms, s.finished_unix_ms, "
                   "s.prepare_ns IS NOT NULL, s.prepare_ns, s.compile_ns, s.run_ns, s.collect_ns, "
                   "coalesce(c.present <> 0 AND c.cached = 0, 0) FROM submission s "
                   "LEFT JOIN compile_result c ON c.seq = s.seq WHERE s.id = ?");
    sql_bind_text(q, id);
    if (sql_row(q, ret_found, e) < 0)
        return -1;
    if (!*ret_found)
        return 0;
    ret->created_unix_ms = sql_int(q);
    ret->started_unix_ms = sql_int(q);
    ret->finished_unix_ms = sql_int(q);
    ret->phases.present = sql_int(q) != 0;
    ret->phases.prepare_ns = sql_int(q);
    ret->phases.compile_ns = sql_int(q);
    ret->phases.run_ns = sql_int(q);
    ret->phases.collect_ns = sql_int(q);
    ret->compiled = sql_int(q) != 0;
    return 0;
}

/* ---- lists */

/* A condition on a list: how it is asked and, where the state decides, from which index. */
static void add_conditions(const struct submission_filter *f, struct buf *sql)
{
    if (f->key_id >= 0)
        buf_puts(sql, " AND s.key_id = ?");
    if (f->verdict != VERDICT_NONE)
        buf_puts(sql, " AND s.verdict = ?");
    if (f->language != NULL)
        buf_puts(sql, " AND s.language = ?");
    if (f->rejudge_of != NULL)
        buf_puts(sql, " AND s.rejudge_of = ?");
    if (f->before_id != NULL)
        buf_puts(sql, " AND s.id < ?");
    switch (f->state) {
    case SUBMISSION_NONE:
        break;
    case SUBMISSION_QUEUED:
    case SUBMISSION_CLAIMED:
    case SUBMISSION_COMPILING:
    case SUBMISSION_RUNNING:
    case SUBMISSION_DONE:
    case SUBMISSION_CANCELLED:
        buf_puts(sql, " AND coalesce(q.state, s.state) = ?");
    }
}

static void bind_conditions(struct stmt *q, const struct submission_filter *f)
{
    if (f->key_id >= 0)
        sql_bind_int(q, f->key_id);
    if (f->verdict != VERDICT_NONE)
        sql_bind_int(q, f->verdict);
    if (f->language != NULL)
        sql_bind_text(q, f->language);
    if (f->rejudge_of != NULL)
        sql_bind_text(q, f->rejudge_of);
    if (f->before_id != NULL)
        sql_bind_text(q, f->before_id);
    if (f->state != SUBMISSION_NONE)
        sql_bind_int(q, f->state);
    sql_bind_int(q, f->limit);
}

/* Where to look: what lives is found through the queue (held ones are few, and have a lease), what
 * was cancelled through its verdict, and the rest through its id. */
static const char *source_of(enum submission_state state)
{
    switch (state) {
    case SUBMISSION_QUEUED:
        return " FROM queue q JOIN submission s ON s.id = q.id"
               " LEFT JOIN compile_result c ON c.seq = s.seq WHERE true";
    case SUBMISSION_CLAIMED:
    case SUBMISSION_COMPILING:
    case SUBMISSION_RUNNING:
        return " FROM queue q INDEXED BY queue_lease JOIN submission s ON s.id = q.id"
               " LEFT JOIN compile_result c ON c.seq = s.seq"
               " WHERE q.lease_end_unix_ms IS NOT NULL";
    case SUBMISSION_CANCELLED:
        return " FROM submission s LEFT JOIN queue q ON q.id = s.id"
               " LEFT JOIN compile_result c ON c.seq = s.seq WHERE s.verdict IS NOT NULL";
    case SUBMISSION_NONE:
    case SUBMISSION_DONE:
        break;
    }
    return " FROM submission s LEFT JOIN queue q ON q.id = s.id"
           " LEFT JOIN compile_result c ON c.seq = s.seq WHERE true";
}

static struct submission_row read_row(struct stmt *q)
{
    struct submission_row r = { 0 };
    sql_id(q, r.id);
    r.key_id = sql_int(q);
    r.language = sql_text(q);
    r.language_version = sql_text(q);
    r.metadata_json = sql_text(q);
    r.state = (enum submission_state)sql_int(q);
    r.verdict = (enum verdict)sql_int(q);
    r.priority = sql_int(q);
    r.created_unix_ms = sql_int(q);
    r.started_unix_ms = sql_int(q);
    r.finished_unix_ms = sql_int(q);
    r.attempts = sql_int(q);
    r.test_count = sql_int(q);
    sql_id(q, r.rejudge_of);
    return r;
}

static int read_rows(struct stmt *q, struct submission_row *rows, size_t *ret_count, struct err *e)
{
    bool found = false;
    while (sql_row(q, &found, e) == 0) {
        if (!found)
            return 0;
        rows[(*ret_count)++] = read_row(q);
    }
    return -1;
}

int submission_list(struct store *s, const struct submission_filter *filter,
                    struct submission_row **ret, size_t *ret_count, struct err *e)
{
    struct submission_filter f = *filter;
    auto_buf_ struct buf sql;
    buf_init(&sql, 0);
    if (f.limit < 1 || f.limit > 1000)
        return err_input(e, "limit: expected 1 to 1000, got %lld", (long long)f.limit);
    if (f.state == SUBMISSION_CANCELLED && f.verdict == VERDICT_NONE)
        f.verdict = VERDICT_CANCELLED;
    buf_puts(&sql, "SELECT s.id, s.key_id, s.language, c.language_version, s.metadata_json, "
                   "coalesce(q.state, s.state), s.verdict, s.priority, s.created_unix_ms, "
                   "coalesce(q.started_unix_ms, s.started_unix_ms), s.finished_unix_ms, "
                   "coalesce(q.attempts, s.attempts), s.test_count, s.rejudge_of");
    buf_puts(&sql, source_of(f.state));
    add_conditions(&f, &sql);
    buf_puts(&sql, f.state == SUBMISSION_QUEUED ? " ORDER BY q.id DESC LIMIT ?"
                                                : " ORDER BY s.id DESC LIMIT ?");
    auto_stmt_ struct stmt *q = sql_use_once(s, buf_text(&sql));
    bind_conditions(q, &f);
    struct submission_row *rows = xcalloc((size_t)f.limit, sizeof *rows);
    size_t count = 0;
    if (read_rows(q, rows, &count, e) < 0) {
        submission_rows_free(rows, count);
        return -1;
    }
    *ret = rows;
    *ret_count = count;
    return 0;
}

void submission_rows_free(struct submission_row *rows, size_t count)
{
    for (size_t i = 0; rows != NULL && i < count; i++) {
        free(rows[i].language);
        free(rows[i].language_version);
        free(rows[i].metadata_json);
    }
    free(rows);
}

/* ---- totals */

int verdict_counts(struct store *s, struct verdict_counts *ret, struct err *e)
{
    struct verdict_counts counts = { 0 };
    auto_stmt_ struct stmt *q =
        sql_use(s, "SELECT id - 100, value FROM counter WHERE id BETWEEN 100 AND ?");
    sql_bind_int(q, COUNTER_VERDICT + VERDICT_COUNT - 1);
    bool found = false;
    while (sql_row(q, &found, e) == 0) {
        if (!found) {
            *ret = counts;
            return 0;
        }
        int64_t verdict = sql_int(q);
        counts.by_verdict[verdict] = sql_int(q);
    }
    return -1;
}
