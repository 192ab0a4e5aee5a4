/* result.c - what compiles and tests came to, row by row; server and worker. */
#include <stdlib.h>

#include "sandbox/base/buf.h"
#include "sandbox/base/cleanup.h"
#include "schema/inner.h"

/* The columns that a compile and a test share, in one order for all statements below. */
#define ENDING_COLUMNS                                                                             \
    "verdict, cause, exit_code, signal, cpu_time_ns, user_time_ns, system_time_ns, wall_time_ns, " \
    "memory_peak_bytes, memory_nocache_bytes, process_peak_count"
#define ENDING_MARKS "?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?"
#define KEPT_COLUMNS(name) #name "_blob, " #name "_bytes, " #name "_head_bytes, " #name "_truncated"
#define KEPT_MARKS "?, ?, ?, ?"
#define KEPT_SELECT(name, alias)                                                                   \
    alias ".id, " alias ".sha256, " alias ".bytes, r." #name "_bytes, r." #name                    \
          "_head_bytes, r." #name "_truncated"

#define RUNS_COLUMNS "run_count, cpu_time_min_ns, cpu_time_median_ns, cpu_time_max_ns"
#define RUNS_MARKS "?, ?, ?, ?"

/* How something ended: the C side of ENDING_COLUMNS. */
struct ending {
    enum verdict verdict;
    char *cause;
    int64_t exit_code, signal;
    struct usage usage;
};

static void bind_ending(struct stmt *q, const struct ending *g)
{
    sql_bind_int(q, g->verdict);
    sql_bind_text(q, g->cause);
    sql_bind_int(q, g->exit_code);
    sql_bind_int(q, g->signal);
    sql_bind_int(q, g->usage.cpu_time_ns);
    sql_bind_int(q, g->usage.user_time_ns);
    sql_bind_int(q, g->usage.system_time_ns);
    sql_bind_int(q, g->usage.wall_time_ns);
    sql_bind_int(q, g->usage.memory_peak_bytes);
    sql_bind_int(q, g->usage.memory_nocache_bytes);
    sql_bind_int(q, g->usage.process_peak_count);
}

/* The C side of RUNS_COLUMNS: null for a test that was run once. */
static void bind_runs(struct stmt *q, const struct runs_spread *r)
{
    const int64_t values[] = { r->count, r->cpu_time_min_ns, r->cpu_time_median_ns,
                               r->cpu_time_max_ns };
    for (size_t i = 0; i < ARRAY_COUNT(values); i++) {
        if (r->count > 0)
            sql_bind_int(q, values[i]);
        else
            sql_bind_null(q);
    }
}

static struct runs_spread read_runs(struct stmt *q)
{
    struct runs_spread r = { .count = sql_int(q) };
    r.cpu_time_min_ns = sql_int(q);
    r.cpu_time_median_ns = sql_int(q);
    r.cpu_time_max_ns = sql_int(q);
    return r;
}

static struct ending read_ending(struct stmt *q)
{
    struct ending g = { 0 };
    g.verdict = (enum verdict)sql_int(q);
    g.cause = sql_text(q);
    g.exit_code = sql_int(q);
    g.signal = sql_int(q);
    g.usage.cpu_time_ns = sql_int(q);
    g.usage.user_time_ns = sql_int(q);
    g.usage.system_time_ns = sql_int(q);
    g.usage.wall_time_ns = sql_int(q);
    g.usage.memory_peak_bytes = sql_int(q);
    g.usage.memory_nocache_bytes = sql_int(q);
    g.usage.process_peak_count = sql_int(q);
    return g;
}

static void bind_kept(struct stmt *q, int64_t blob_row, const struct kept_output *k)
{
    sql_bind_int_or_null(q, blob_row);
    sql_bind_int(q, k->bytes);
    sql_bind_int(q, k->head_bytes);
    sql_bind_int(q, k->truncated);
}

static void read_kept(struct stmt *q, struct kept_output *ret)
{
    blob_read(q, &ret->blob);
    ret->bytes = sql_int(q);
    ret->head_bytes = sql_int(q);
    ret->truncated = sql_int(q) != 0;
}

void test_result_done(struct test_result *t)
{
    free(t->cause);
    free(t->message);
    *t = (struct test_result){ 0 };
}

void compile_result_done(struct compile_result *c)
{
    free(c->cause);
    *c = (struct compile_result){ 0 };
}

/* ---- forgetting: also before a second record of the same thing, since blobs are counted */

/* `select` gives up to two blob rows a row of result. */
static int release(struct store *s, struct stmt *q, struct err *e)
{
    bool found = false;
    while (sql_row(q, &found, e) == 0) {
        if (!found)
            return 0;
        if (blob_unref(s, sql_int(q), e) < 0 || blob_unref(s, sql_int(q), e) < 0)
            return -1;
    }
    return -1;
}

static int forget_compile(struct store *s, int64_t seq, struct err *e)
{
    auto_stmt_ struct stmt *q =
        sql_use(s, "DELETE FROM compile_result WHERE seq = ? RETURNING output_blob, NULL");
    sql_bind_int(q, seq);
    return release(s, q, e);
}

static int forget_test(struct store *s, int64_t seq, int64_t position, struct err *e)
{
    auto_stmt_ struct stmt *q = sql_use(s, "DELETE FROM test_result WHERE seq = ? AND position = ? "
                                           "RETURNING stdout_blob, stderr_blob");
    sql_bind_int(q, seq);
    sql_bind_int(q, position);
    return release(s, q, e);
}

int result_cpu_ns(struct store *s, int64_t seq, int64_t *ret, struct err *e)
{
    auto_stmt_ struct stmt *q =
        sql_use(s, "SELECT coalesce((SELECT sum(cpu_time_ns) FROM test_result WHERE seq = ?1), 0) "
                   "+ coalesce((SELECT cpu_time_ns FROM compile_result "
                   "WHERE seq = ?1 AND present <> 0 AND cached = 0), 0)");
    bool found = false;
    sql_bind_int(q, seq);
    if (sql_row(q, &found, e) < 0)
        return -1;
    *ret = found ? sql_int(q) : 0;
    return 0;
}

int result_forget(struct store *s, int64_t seq, struct err *e)
{
    if (forget_compile(s, seq, e) < 0)
        return -1;
    auto_stmt_ struct stmt *q =
        sql_use(s, "DELETE FROM test_result WHERE seq = ? RETURNING stdout_blob, stderr_blob");
    sql_bind_int(q, seq);
    return release(s, q, e);
}

/* ---- writing */

/* False: there is a row already. */
static int add_compile(struct store *s, int64_t seq, const char *language_version,
                       const struct compile_result *r, int64_t output, bool *ret_added,
                       struct err *e)
{
    auto_stmt_ struct stmt *q = sql_use(
        s, "INSERT INTO compile_result (seq, language_version, present, cached, " ENDING_COLUMNS
           ", " KEPT_COLUMNS(output) ") VALUES (?, ?, ?, ?, " ENDING_MARKS ", " KEPT_MARKS
                                     ") ON CONFLICT DO NOTHING");
    sql_bind_int(q, seq);
    sql_bind_text(q, language_version);
    sql_bind_int(q, r->present);
    sql_bind_int(q, r->cached);
    bind_ending(q, &(struct ending){ r->verdict, r->cause, r->exit_code, r->signal, r->usage });
    bind_kept(q, output, &r->output);
    if (sql_run(q, e) < 0)
        return -1;
    *ret_added = sql_changes(s) == 1;
    return 0;
}

int result_put_compile(struct store *s, int64_t seq, const char *language_version,
                       const struct compile_result *r, struct err *e)
{
    int64_t output = 0;
    bool added = false;
    if (blob_ref(s, &r->output.blob, &output, e) < 0 ||
        add_compile(s, seq, language_version, r, output, &added, e) < 0)
        return -1;
    if (added)
        return 0;
    return forget_compile(s, seq, e) < 0
               ? -1
               : add_compile(s, seq, language_version, r, output, &added, e);
}

/* As kept: the rows of a test's outputs. */
struct outputs {
    int64_t out, err;
};

static int add_test(struct store *s, int64_t seq, const struct test_result *r,
                    const struct outputs *rows, bool *ret_added, struct err *e)
{
    auto_stmt_ struct stmt *q =
        sql_use(s, "INSERT INTO test_result (seq, position, message, " RUNS_COLUMNS
                   ", " ENDING_COLUMNS ", " KEPT_COLUMNS(stdout) ", " KEPT_COLUMNS(
                       stderr) ") VALUES (?, ?, ?, " RUNS_MARKS ", " ENDING_MARKS ", " KEPT_MARKS
                               ", " KEPT_MARKS ") ON CONFLICT DO NOTHING");
    sql_bind_int(q, seq);
    sql_bind_int(q, r->index);
    sql_bind_text(q, r->message);
    bind_runs(q, &r->runs);
    bind_ending(q, &(struct ending){ r->verdict, r->cause, r->exit_code, r->signal, r->usage });
    bind_kept(q, rows->out, &r->stdout_kept);
    bind_kept(q, rows->err, &r->stderr_kept);
    if (sql_run(q, e) < 0)
        return -1;
    *ret_added = sql_changes(s) == 1;
    return 0;
}

int result_put_test(struct store *s, int64_t seq, const struct test_result *r, struct err *e)
{
    struct outputs rows = { 0 };
    bool added = false;
    if (blob_ref(s, &r->stdout_kept.blob, &rows.out, e) < 0 ||
        blob_ref(s, &r->stderr_kept.blob, &rows.err, e) < 0 ||
        add_test(s, seq, r, &rows, &added, e) < 0)
        return -1;
    if (added)
        return 0;
    return forget_test(s, seq, r->index, e) < 0 ? -1 : add_test(s, seq, r, &rows, &added, e);
}

/* ---- reading */

int result_read_phases(struct store *s, int64_t seq, struct phases *ret, struct err *e)
{
    auto_stmt_ struct stmt *q =
        sql_use(s, "SELECT prepare_ns, compile_ns, run_ns, collect_ns FROM submission "
                   "WHERE seq = ? AND prepare_ns IS NOT NULL");
    sql_bind_int(q, seq);
    bool found = false;
    if (sql_row(q, &found, e) < 0)
        return -1;
    *ret = (struct phases){ .present = found };
    if (!found)
        return 0;
    ret->prepare_ns = sql_int(q);
    ret->compile_ns = sql_int(q);
    ret->run_ns = sql_int(q);
    ret->collect_ns = sql_int(q);
    return 0;
}

int result_read_compile(struct store *s, int64_t seq, struct compile_result *ret,
                        char **ret_language_version, struct err *e)
{
    auto_stmt_ struct stmt *q =
        sql_use(s, "SELECT language_version, present, cached, " ENDING_COLUMNS ", " KEPT_SELECT(
                       output, "o") " FROM compile_result r "
                                    "LEFT JOIN blob o ON o.id = r.output_blob WHERE r.seq = ?");
    sql_bind_int(q, seq);
    bool found = false;
    if (sql_row(q, &found, e) < 0)
        return -1;
    *ret = (struct compile_result){ 0 };
    *ret_language_version = NULL;
    if (!found)
        return 0;
    *ret_language_version = sql_text(q);
    ret->present = sql_int(q) != 0;
    ret->cached = sql_int(q) != 0;
    struct ending g = read_ending(q);
    ret->verdict = g.verdict;
    ret->cause = g.cause;
    ret->exit_code = g.exit_code;
    ret->signal = g.signal;
    ret->usage = g.usage;
    read_kept(q, &ret->output);
    return 0;
}

static struct test_result read_test(struct stmt *q)
{
    struct test_result r = { 0 };
    r.index = sql_int(q);
    r.message = sql_text(q);
    r.runs = read_runs(q);
    struct ending g = read_ending(q);
    r.verdict = g.verdict;
    r.cause = g.cause;
    r.exit_code = g.exit_code;
    r.signal = g.signal;
    r.usage = g.usage;
    read_kept(q, &r.stdout_kept);
    read_kept(q, &r.stderr_kept);
    return r;
}

int result_read_tests(struct store *s, int64_t seq, struct test_result **ret, size_t *ret_count,
                      struct err *e)
{
    auto_stmt_ struct stmt *q = sql_use(
        s, "SELECT position, message, " RUNS_COLUMNS ", " ENDING_COLUMNS
           ", " KEPT_SELECT(stdout, "o") ", " KEPT_SELECT(
               stderr,
               "f") " FROM test_result r LEFT JOIN blob o ON o.id = r.stdout_blob "
                    "LEFT JOIN blob f ON f.id = r.stderr_blob WHERE r.seq = ? ORDER BY r.position");
    sql_bind_int(q, seq);
    bool found = false;
    size_t room = 0;
    *ret = NULL;
    *ret_count = 0;
    while (sql_row(q, &found, e) == 0) {
        if (!found)
            return 0;
        if (*ret_count == room) {
            room = room != 0 ? 2 * room : 4;
            *ret = xrealloc(*ret, room * sizeof **ret);
        }
        (*ret)[(*ret_count)++] = read_test(q);
    }
    return -1;
}
