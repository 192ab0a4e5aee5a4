/* submission.c - what was asked: the request with its files and tests; server and worker. */
#include <stdlib.h>
#include <string.h>

#include "sandbox/base/buf.h"
#include "sandbox/base/cleanup.h"
#include "schema/inner.h"

/* ---- names */

const char *submission_state_name(enum submission_state s)
{
    switch (s) {
    case SUBMISSION_NONE:
        break;
#define X(id, name)                                                                                \
    case SUBMISSION_##id:                                                                          \
        return name;
        SUBMISSION_STATES(X)
#undef X
    }
    return "none";
}

enum submission_state submission_state_from_name(const char *name)
{
#define X(id, text)                                                                                \
    if (strcmp(name, text) == 0)                                                                   \
        return SUBMISSION_##id;
    SUBMISSION_STATES(X)
#undef X
    return SUBMISSION_NONE;
}

static const char *const comparer_names[] = {
    [COMPARER_LINES] = "lines",
    [COMPARER_EXACT] = "exact",
    [COMPARER_TOKENS] = "tokens",
    [COMPARER_FLOATS] = "floats",
};

const char *comparer_type_name(enum comparer_type t)
{
    return t >= COMPARER_LINES && t <= COMPARER_FLOATS ? comparer_names[t] : "none";
}

enum comparer_type comparer_type_from_name(const char *name)
{
    for (size_t i = COMPARER_LINES; i < ARRAY_COUNT(comparer_names); i++) {
        if (strcmp(name, comparer_names[i]) == 0)
            return (enum comparer_type)i;
    }
    return 0;
}

void submission_done(struct submission *s)
{
    for (size_t i = 0; i < s->file_count; i++)
        free(s->files[i].name);
    for (size_t i = 0; i < s->test_count; i++)
        free(s->tests[i].name);
    free(s->files);
    free(s->tests);
    free(s->language);
    free(s->entry_point);
    free(s->metadata_json);
    free(s->idempotency_key);
    free(s->callback_url);
    *s = (struct submission){ 0 };
}

/* ---- writing */

static int insert_request(struct store *s, const struct submission *sub, struct err *e)
{
    auto_stmt_ struct stmt *q = sql_use(
        s, "INSERT INTO submission (id, key_id, language, entry_point, comparer, absolute, "
           "relative, case_sensitive, stop_on_failure, priority, metadata_json, idempotency_key, "
           "request_sha256, test_count, created_unix_ms, callback_url) "
           "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
    sql_bind_text(q, sub->id);
    sql_bind_int(q, sub->key_id);
    sql_bind_text(q, sub->language);
    sql_bind_text(q, sub->entry_point);
    sql_bind_int(q, sub->comparer.type);
    sql_bind_real(q, sub->comparer.absolute);
    sql_bind_real(q, sub->comparer.relative);
    sql_bind_int(q, sub->comparer.case_sensitive);
    sql_bind_int(q, sub->stop_on_failure);
    sql_bind_int(q, sub->priority);
    sql_bind_text(q, sub->metadata_json);
    sql_bind_text(q, sub->idempotency_key);
    sql_bind_blob(q, sub->request_sha256, sizeof sub->request_sha256);
    sql_bind_int(q, (int64_t)sub->test_count);
    sql_bind_int(q, sub->created_unix_ms);
    sql_bind_text(q, sub->callback_url);
    return sql_run(q, e);
}

static int insert_file(struct store *s, int64_t seq, size_t position, const struct source_file *f,
                       struct err *e)
{
    int64_t row = 0;
    if (blob_ref(s, &f->content, &row, e) < 0)
        return -1;
    auto_stmt_ struct stmt *q = sql_use(
        s, "INSERT INTO source_file (seq, position, name, content_blob) VALUES (?, ?, ?, ?)");
    sql_bind_int(q, seq);
    sql_bind_int(q, (int64_t)position);
    sql_bind_text(q, f->name);
    sql_bind_int(q, row);
    return sql_run(q, e);
}

/* The columns of the limits, and as many marks: "cpu_time_ms, wall_time_ms, ..." */
#define LIMIT(name, kind, unit, min, run, compile, ceiling, help) ", " #name
static const char insert_test_sql[] =
    "INSERT INTO test (seq, position, name, stdin_blob, expected_blob"
#include "sandbox/base/limits.def"
#undef LIMIT
#define LIMIT(name, kind, unit, min, run, compile, ceiling, help) ", ?"
    ") VALUES (?, ?, ?, ?, ?"
#include "sandbox/base/limits.def"
    ")";
#undef LIMIT

static int insert_test(struct store *s, int64_t seq, size_t position, const struct test_spec *t,
                       struct err *e)
{
    int64_t stdin_row = 0, expected_row = 0;
    if (blob_ref(s, &t->stdin_blob, &stdin_row, e) < 0 ||
        blob_ref(s, &t->expected_output, &expected_row, e) < 0)
        return -1;
    auto_stmt_ struct stmt *q = sql_use(s, insert_test_sql);
    sql_bind_int(q, seq);
    sql_bind_int(q, (int64_t)position);
    sql_bind_text(q, t->name);
    sql_bind_int_or_null(q, stdin_row);
    sql_bind_int_or_null(q, expected_row);
    for (size_t i = 0; i < limits_count; i++)
        sql_bind_int(q, limits_get(&t->limits, &limits_table[i]));
    return sql_run(q, e);
}

int submission_insert(struct store *s, const struct submission *sub, int64_t *ret_seq,
                      struct err *e)
{
    if (insert_request(s, sub, e) < 0)
        return -1;
    int64_t seq = sqlite3_last_insert_rowid(s->db);
    for (size_t i = 0; i < sub->file_count; i++) {
        if (insert_file(s, seq, i, &sub->files[i], e) < 0)
            return err_wrap(e, "file %zu", i + 1);
    }
    for (size_t i = 0; i < sub->test_count; i++) {
        if (insert_test(s, seq, i, &sub->tests[i], e) < 0)
            return err_wrap(e, "test %zu", i + 1);
    }
    *ret_seq = seq;
    return 0;
}

/* ---- reading */

static void read_request(struct stmt *q, struct submission *ret)
{
    ret->key_id = sql_int(q);
    ret->language = sql_text(q);
    ret->entry_point = sql_text(q);
    ret->comparer.type = (enum comparer_type)sql_int(q);
    ret->comparer.absolute = sql_real(q);
    ret->comparer.relative = sql_real(q);
    ret->comparer.case_sensitive = sql_int(q) != 0;
    ret->stop_on_failure = sql_int(q) != 0;
    ret->priority = sql_int(q);
    ret->metadata_json = sql_text(q);
    ret->idempotency_key = sql_text(q);
    size_t len = 0;
    const void *sha256 = sql_bytes(q, &len);
    if (len == sizeof ret->request_sha256)
        memcpy(ret->request_sha256, sha256, len);
    ret->created_unix_ms = sql_int(q);
    sql_id(q, ret->rejudge_of);
    ret->callback_url = sql_text(q);
}

/* The request's row, with the status from the queue while it lives and from the row after. */
static int load_row(struct store *s, const char *id, struct submission *ret, int64_t *ret_seq,
                    bool *ret_found, struct err *e)
{
    auto_stmt_ struct stmt *q = sql_use(
        s, "SELECT s.seq, s.key_id, s.language, s.entry_point, s.comparer, s.absolute, s.relative, "
           "s.case_sensitive, s.stop_on_failure, s.priority, s.metadata_json, s.idempotency_key, "
           "s.request_sha256, s.created_unix_ms, s.rejudge_of, s.callback_url, coalesce(q.state, "
           "s.state), s.verdict, "
           "coalesce(q.started_unix_ms, s.started_unix_ms), s.finished_unix_ms, "
           "coalesce(q.attempts, s.attempts) "
           "FROM submission s LEFT JOIN queue q ON q.id = s.id WHERE s.id = ?");
    sql_bind_text(q, id);
    if (sql_row(q, ret_found, e) < 0)
        return -1;
    if (!*ret_found)
        return 0;
    *ret_seq = sql_int(q);
    memcpy(ret->id, id, strlen(id) + 1);
    read_request(q, ret);
    ret->state = (enum submission_state)sql_int(q);
    ret->verdict = (enum verdict)sql_int(q);
    ret->started_unix_ms = sql_int(q);
    ret->finished_unix_ms = sql_int(q);
    ret->attempts = sql_int(q);
    return 0;
}

static int load_files(struct store *s, int64_t seq, struct submission *ret, struct err *e)
{
    auto_stmt_ struct stmt *q =
        sql_use(s, "SELECT f.name, b.id, b.sha256, b.bytes FROM source_file f "
                   "LEFT JOIN blob b ON b.id = f.content_blob WHERE f.seq = ? ORDER BY f.position");
    sql_bind_int(q, seq);
    bool found = false;
    while (sql_row(q, &found, e) == 0) {
        if (!found)
            return 0;
        ret->files = xrealloc(ret->files, (ret->file_count + 1) * sizeof *ret->files);
        struct source_file *f = &ret->files[ret->file_count++];
        f->name = sql_text(q);
        blob_read(q, &f->content);
    }
    return -1;
}

#define LIMIT(name, kind, unit, min, run, compile, ceiling, help) ", t." #name
static const char load_tests_sql[] =
    "SELECT t.name, i.id, i.sha256, i.bytes, o.id, o.sha256, o.bytes"
#include "sandbox/base/limits.def"
    " FROM test t LEFT JOIN blob i ON i.id = t.stdin_blob "
    "LEFT JOIN blob o ON o.id = t.expected_blob WHERE t.seq = ? ORDER BY t.position";
#undef LIMIT

static int load_tests(struct store *s, int64_t seq, struct submission *ret, struct err *e)
{
    auto_stmt_ struct stmt *q = sql_use(s, load_tests_sql);
    sql_bind_int(q, seq);
    bool found = false;
    size_t room = 0;
    while (sql_row(q, &found, e) == 0) {
        if (!found)
            return 0;
        if (ret->test_count == room) {
            room = room != 0 ? 2 * room : 4;
            ret->tests = xrealloc(ret->tests, room * sizeof *ret->tests);
        }
        struct test_spec *t = &ret->tests[ret->test_count++];
        t->name = sql_text(q);
        blob_read(q, &t->stdin_blob);
        blob_read(q, &t->expected_output);
        for (size_t i = 0; i < limits_count; i++)
            *limits_at(&t->limits, &limits_table[i]) = sql_int(q);
    }
    return -1;
}

int submission_read(struct store *s, const char *id, struct submission *ret, int64_t *ret_seq,
                    bool *ret_found, struct err *e)
{
    struct submission sub = { 0 };
    *ret_found = false;
    if (!store_id_valid(id))
        return 0;
    if (load_row(s, id, &sub, ret_seq, ret_found, e) < 0)
        return -1;
    if (!*ret_found)
        return 0;
    if (load_files(s, *ret_seq, &sub, e) < 0 || load_tests(s, *ret_seq, &sub, e) < 0) {
        submission_done(&sub);
        return -1;
    }
    *ret = sub;
    return 0;
}

int submission_load(struct store *s, const char *id, struct submission *ret, bool *ret_found,
                    struct err *e)
{
    auto_tx_ struct tx t = { 0 };
    int64_t seq = 0;
    if (tx_begin_read(&t, s, e) < 0)
        return -1;
    return submission_read(s, id, ret, &seq, ret_found, e);
}

int submission_status(struct store *s, const char *id, struct submission_status *ret,
                      bool *ret_found, struct err *e)
{
    *ret_found = false;
    if (!store_id_valid(id))
        return 0;
    auto_stmt_ struct stmt *q =
        sql_use(s, "SELECT s.key_id, coalesce(q.state, s.state), s.verdict FROM submission s "
                   "LEFT JOIN queue q ON q.id = s.id WHERE s.id = ?");
    sql_bind_text(q, id);
    if (sql_row(q, ret_found, e) < 0)
        return err_wrap(e, "read submission %s", id);
    if (!*ret_found)
        return 0;
    ret->key_id = sql_int(q);
    ret->state = (enum submission_state)sql_int(q);
    ret->verdict = (enum verdict)sql_int(q);
    return 0;
}

/* ---- forgetting */

static int release(struct store *s, const char *select, int64_t seq, struct err *e)
{
    auto_stmt_ struct stmt *q = sql_use(s, select);
    sql_bind_int(q, seq);
    bool found = false;
    while (sql_row(q, &found, e) == 0) {
        if (!found)
            return 0;
        if (blob_unref(s, sql_int(q), e) < 0)
            return -1;
    }
    return -1;
}

static int run_on(struct store *s, const char *sql, int64_t seq, struct err *e)
{
    auto_stmt_ struct stmt *q = sql_use(s, sql);
    sql_bind_int(q, seq);
    return sql_run(q, e);
}

static int delete_row(struct store *s, int64_t seq, struct err *e)
{
    auto_stmt_ struct stmt *q =
        sql_use(s, "DELETE FROM submission WHERE seq = ? "
                   "RETURNING key_id, finished_unix_ms IS NOT NULL, id, callback_url IS NOT NULL");
    sql_bind_int(q, seq);
    bool found = false;
    char id[STORE_ID_BYTES] = "";
    if (sql_row(q, &found, e) < 0)
        return -1;
    int64_t key_id = found ? sql_int(q) : 0;
    bool ended = found && sql_int(q) != 0;
    if (!ended)
        return 0;
    sql_id(q, id);
    if (sql_int(q) != 0 && callback_forget(s, id, e) < 0)
        return -1;
    return counter_add(s, COUNTER_ENDED, -1, e) < 0 ? -1
                                                    : counter_add(s, COUNTER_KEY + key_id, -1, e);
}

int submission_forget(struct store *s, int64_t seq, struct err *e)
{
    if (release(s, "SELECT content_blob FROM source_file WHERE seq = ?", seq, e) < 0 ||
        release(s, "SELECT stdin_blob FROM test WHERE seq = ?", seq, e) < 0 ||
        release(s, "SELECT expected_blob FROM test WHERE seq = ?", seq, e) < 0 ||
        release(s, "SELECT isolation_blob FROM submission WHERE seq = ?", seq, e) < 0)
        return -1;
    if (run_on(s, "DELETE FROM source_file WHERE seq = ?", seq, e) < 0 ||
        run_on(s, "DELETE FROM test WHERE seq = ?", seq, e) < 0)
        return -1;
    return delete_row(s, seq, e);
}
