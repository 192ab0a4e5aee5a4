/*
 * fsck.c - the invariants, checked: first the pages and the rows by fsck.def, in one read
 * transaction; then the bytes, with the blob files held, so that a service may go on beside.
 */
#include "schema/fsck.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "sandbox/base/buf.h"
#include "sandbox/base/cleanup.h"
#include "schema/callback.h"
#include "schema/copy.h"
#include "schema/inner.h"

/* clang-format off */
#define FSCK_REFERENCES                                                                            \
    "SELECT content_blob AS b FROM source_file UNION ALL SELECT stdin_blob FROM test "             \
    "UNION ALL SELECT expected_blob FROM test UNION ALL SELECT isolation_blob FROM submission "    \
    "UNION ALL SELECT output_blob FROM compile_result "                                            \
    "UNION ALL SELECT stdout_blob FROM test_result UNION ALL SELECT stderr_blob FROM test_result"
/* clang-format on */

struct row {
    const char *name;
    bool waste;
    const char *what, *mend, *select, *repair;
};

#define FSCK_ENDED_WHOLE                                                                           \
    "SELECT id FROM submission WHERE (state IS NULL) <> (verdict IS NULL) OR "                     \
    "(state IS NULL) <> (finished_unix_ms IS NULL) OR state NOT IN (5, 6) OR "                     \
    "verdict < 1 OR verdict >= $count"
#define FSCK_CANCELLED                                                                             \
    "SELECT id FROM submission WHERE state IS NOT NULL AND (state = 6) <> (verdict = $cancelled)"
#define FSCK_VERDICTS                                                                              \
    "SELECT s.id FROM submission s WHERE s.verdict = $accepted AND s.test_count <> "               \
    "(SELECT count(*) FROM test_result r WHERE r.seq = s.seq AND r.verdict = $accepted) "          \
    "UNION ALL SELECT s.id FROM submission s WHERE s.verdict = $compile_error AND "                \
    "EXISTS (SELECT 1 FROM test_result r WHERE r.seq = s.seq)"

#define FSCK_CALLBACK_LOST                                                                         \
    "SELECT s.id FROM submission s WHERE s.callback_url IS NOT NULL AND s.state IS NOT NULL "      \
    "AND NOT EXISTS (SELECT 1 FROM callback c WHERE c.id = s.id)"
/* host is "HOST:PORT", as callback.c makes it. */
#define FSCK_CALLBACK_REMAKE                                                                       \
    "INSERT INTO callback (id, seq, key_id, url, host, state, attempts, held, created_unix_ms, "   \
    "since_unix_ms, due_unix_ms) SELECT id, seq, key_id, url, CASE "                               \
    "WHEN instr(substr(h, instr(h, ']') + 1), ':') > 0 THEN h "                                    \
    "WHEN url LIKE 'https:%' THEN h || ':443' ELSE h || ':80' END, 1, 0, 0, ended, now, now "      \
    "FROM (SELECT *, substr(r, 1, min(instr(r || '/', '/'), instr(r || '?', '?'), "                \
    "instr(r || '#', '#')) - 1) AS h FROM (SELECT id, seq, key_id, callback_url AS url, "          \
    "substr(callback_url, instr(callback_url, '://') + 3) AS r, finished_unix_ms AS ended, "       \
    "CAST(strftime('%s', 'now') AS INTEGER) * 1000 AS now FROM submission "                        \
    "WHERE id IN (" FSCK_CALLBACK_LOST ")))"

static const struct row table[] = {
#define FSCK(name, waste, what, mend, select, repair) { name, waste, what, mend, select, repair },
#include "schema/fsck.def"
#undef FSCK
};

struct fsck {
    struct store *s;
    const struct fsck_options *opt;
    void (*report)(void *ctx, const struct fsck_finding *f);
    void *ctx;
    struct fsck_totals *totals;
};

/* ---- findings */

static struct fsck_finding finding(const char *check, const char *what, const char *mend)
{
    return (struct fsck_finding){ .check = check, .what = what, .mend = mend };
}

static void note(struct fsck_finding *f, const char *example)
{
    f->count++;
    if (f->example_count < FSCK_EXAMPLES)
        f->examples[f->example_count++] = xstrdup(example);
}

static void forget(struct fsck_finding *f)
{
    for (size_t i = 0; i < f->example_count; i++)
        free(f->examples[i]);
    f->example_count = 0;
    f->count = 0;
}

static void conclude(struct fsck *k, struct fsck_finding *f)
{
    bool stands = f->count > 0 && !f->repaired;
    k->totals->checks++;
    k->totals->broken += stands && !f->waste;
    k->totals->waste += stands && f->waste;
    k->report(k->ctx, f);
    forget(f);
}

/* ---- rows */

/* Bind the names that a SELECT has; each is a number that the schema fixed for ever. */
static void bind_names(struct stmt *q)
{
    static const struct {
        const char *name;
        int64_t value;
    } names[] = {
        { "$count", VERDICT_COUNT },
        { "$cancelled", VERDICT_CANCELLED },
        { "$accepted", VERDICT_ACCEPTED },
        { "$compile_error", VERDICT_COMPILE_ERROR },
        { "$attempts", CALLBACK_ATTEMPTS_MAX + 1 }, /* the last may find that all were made */
    };
    for (size_t i = 0; q->st != NULL && i < ARRAY_COUNT(names); i++) {
        int at = sqlite3_bind_parameter_index(q->st, names[i].name);
        if (at != 0)
            sqlite3_bind_int64(q->st, at, names[i].value);
    }
}

static int read_lines(struct store *s, const char *sql, const char *fine, struct fsck_finding *f,
                      struct err *e)
{
    auto_stmt_ struct stmt *q = sql_use_once(s, sql);
    bool found = false;
    bind_names(q);
    while (sql_row(q, &found, e) == 0) {
        if (!found)
            return 0;
        auto_free_ char *line = sql_text(q);
        if (line == NULL || strcmp(line, fine) != 0)
            note(f, line != NULL ? line : "?");
    }
    return -1;
}

/* What cannot be read breaks the check as well, and the others are still made. */
static void look(struct fsck *k, const char *sql, const char *fine, struct fsck_finding *f)
{
    struct err e;
    if (read_lines(k->s, sql, fine, f, &e) < 0)
        note(f, e.msg);
}

static void check_pages(struct fsck *k)
{
    struct fsck_finding f = finding("database", "the pages and indexes of the database are whole",
                                    "stop the service and restore a backup, see docs/STORE.md");
    look(k, "PRAGMA integrity_check(100)", "ok", &f);
    conclude(k, &f);
}

static int mend(struct fsck *k, const struct row *row, struct fsck_finding *f, struct err *e)
{
    auto_tx_ struct tx t = { 0 };
    if (tx_begin(&t, k->s, STORE_DURABLE, e) < 0 || sql_exec(k->s, row->repair, e) < 0 ||
        tx_commit(&t, e) < 0)
        return err_wrap(e, "repair %s", row->name);
    struct fsck_finding after = finding(row->name, row->what, row->mend);
    look(k, row->select, "", &after);
    f->repaired = after.count == 0;
    forget(&after);
    return 0;
}

static int check_row(struct fsck *k, const struct row *row, struct err *e)
{
    struct fsck_finding f = finding(row->name, row->what, row->mend);
    f.waste = row->waste;
    f.repairable = row->repair != NULL;
    look(k, row->select, "", &f);
    int rc = f.count > 0 && f.repairable && k->opt->repair ? mend(k, row, &f, e) : 0;
    conclude(k, &f);
    return rc;
}

/* ---- bytes */

struct bytes {
    struct fsck_finding there, right;
    bool digests;
};

static void check_file(struct store *s, const struct blob *b, struct bytes *y)
{
    char path[BLOB_PATH_BYTES];
    struct stat st;
    blob_path(b->sha256, path);
    if (fstatat(s->blobs_fd, path, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode)) {
        note(&y->there, path);
    } else if (st.st_size != b->bytes) {
        auto_free_ char *text = xasprintf("%s: %lld bytes instead of %lld", path,
                                          (long long)st.st_size, (long long)b->bytes);
        note(&y->there, text);
    } else if (y->digests && !copy_digest_fits(s->blobs_fd, path, b)) {
        note(&y->right, path);
    }
}

static void check_inside(struct store *s, const struct blob *b, struct bytes *y)
{
    uint8_t sha256[STORE_SHA256_BYTES];
    auto_buf_ struct buf data = { 0 };
    struct err e;
    if (!y->digests || blob_get(s, b, &data, &e) < 0) /* blob-bytes tells of those without */
        return;
    store_sha256(buf_text(&data), data.len, sha256);
    auto_free_ char *text = xasprintf("blob %lld", (long long)b->row);
    if (memcmp(sha256, b->sha256, sizeof sha256) != 0)
        note(&y->right, text);
}

static int check_blob(void *ctx, struct store *s, const struct blob *b, struct err *e)
{
    (void)e;
    if (b->bytes > DB_BLOB_INLINE_BYTES)
        check_file(s, b, ctx);
    else
        check_inside(s, b, ctx);
    return 0;
}

static void check_bytes(struct fsck *k)
{
    struct err e;
    struct bytes y = {
        .there = finding("file", "a large blob has its file, of its size (blob 1)",
                         "bytes are lost: copy the file from a backup, or restore it"),
        .right = finding("digest", "bytes have the SHA-256 by which they are named",
                         "the disk has changed them: copy them from a backup, or restore it"),
        .digests = k->opt->digests,
    };
    if (copy_each_blob(k->s, k->opt->digests ? -1 : DB_BLOB_INLINE_BYTES, check_blob, &y, &e) < 0)
        note(&y.there, e.msg);
    conclude(k, &y.there);
    if (k->opt->digests)
        conclude(k, &y.right);
}

static int note_stray(void *ctx, const char *name)
{
    note(ctx, name);
    return 0;
}

static int check_strays(struct fsck *k, struct err *e)
{
    struct fsck_finding f =
        finding("stray", "a file below blobs/ has a row",
                "the service removes it by and by when it is an hour old; --repair does now");
    f.waste = true;
    f.repairable = true;
    if (stray_each(k->s, note_stray, &f, e) < 0)
        note(&f, e->msg);
    if (f.count > 0 && k->opt->repair) {
        struct fsck_finding after = finding(f.check, f.what, f.mend);
        if (stray_sweep_all(k->s, e) < 0 || stray_each(k->s, note_stray, &after, e) < 0)
            return err_wrap(e, "repair %s", f.check);
        f.repaired = after.count == 0;
        forget(&after);
    }
    conclude(k, &f);
    return 0;
}

/* ---- all of it */

static int check_rows(struct fsck *k, struct err *e)
{
    check_pages(k);
    for (size_t i = 0; i < ARRAY_COUNT(table); i++)
        if (check_row(k, &table[i], e) < 0)
            return -1;
    return 0;
}

/* Beside others: one moment. */
static int check_rows_beside(struct fsck *k, struct err *e)
{
    auto_tx_ struct tx t = { 0 };
    return tx_begin_read(&t, k->s, e) < 0 ? -1 : check_rows(k, e);
}

static int check_all(struct fsck *k, struct err *e)
{
    bool alone = k->opt->repair;
    if (!alone && blob_hold(k->s, e) < 0)
        return -1;
    if ((alone ? check_rows(k, e) : check_rows_beside(k, e)) < 0)
        return -1;
    check_bytes(k);
    return check_strays(k, e);
}

static int find_store(const char *data_dir, bool repair, struct err *e)
{
    auto_fd_ int dir_fd = open(data_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir_fd < 0 || faccessat(dir_fd, DB_FILE_NAME, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
        return err_input(e, "there is no store: %s/" DB_FILE_NAME ": %s", data_dir,
                         strerror(errno));
    return repair ? db_check_unused(dir_fd, data_dir, e) : 0;
}

int fsck_run(const char *data_dir, const struct fsck_options *opt,
             void (*report)(void *ctx, const struct fsck_finding *f), void *ctx,
             struct fsck_totals *ret, struct err *e)
{
    const struct store_options so = { .data_dir = data_dir, .read_only = !opt->repair };
    struct fsck k = { .opt = opt, .report = report, .ctx = ctx, .totals = ret };
    *ret = (struct fsck_totals){ 0 };
    if (find_store(data_dir, opt->repair, e) < 0 || store_open(&so, &k.s, e) < 0)
        return -1;
    int rc = check_all(&k, e);
    store_close(k.s);
    return rc;
}
