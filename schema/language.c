/* language.c - the languages that the worker found on its host; worker writes, server reads. */
#include <stdlib.h>

#include "sandbox/base/buf.h"
#include "schema/inner.h"

static int insert(struct store *s, size_t position, const struct language_record *r, struct err *e)
{
    auto_stmt_ struct stmt *q =
        sql_use(s, "INSERT INTO language (position, id, name, version, available, package, "
                   "source_file, detail_json) VALUES (?, ?, ?, ?, ?, ?, ?, ?)");
    sql_bind_int(q, (int64_t)position);
    sql_bind_text(q, r->id);
    sql_bind_text(q, r->name);
    sql_bind_text(q, r->version);
    sql_bind_int(q, r->available);
    sql_bind_text(q, r->package);
    sql_bind_text(q, r->source_file);
    sql_bind_text(q, r->detail_json);
    return sql_run(q, e);
}

int languages_replace(struct store *s, const struct language_record *rows, size_t count,
                      struct err *e)
{
    auto_tx_ struct tx t = { 0 };
    if (tx_begin(&t, s, STORE_DURABLE, e) < 0)
        return -1;
    auto_stmt_ struct stmt *q = sql_use(s, "DELETE FROM language");
    if (sql_run(q, e) < 0)
        return -1;
    for (size_t i = 0; i < count; i++) {
        if (insert(s, i, &rows[i], e) < 0)
            return err_wrap(e, "language %s", rows[i].id);
    }
    return tx_commit(&t, e);
}

static struct language_record read_row(struct stmt *q)
{
    struct language_record r = { 0 };
    r.id = sql_text(q);
    r.name = sql_text(q);
    r.version = sql_text(q);
    r.available = sql_int(q) != 0;
    r.package = sql_text(q);
    r.source_file = sql_text(q);
    r.detail_json = sql_text(q);
    return r;
}

int languages_load(struct store *s, struct language_record **ret, size_t *ret_count, struct err *e)
{
    auto_stmt_ struct stmt *q =
        sql_use(s, "SELECT id, name, version, available, package, source_file, detail_json "
                   "FROM language ORDER BY position");
    struct language_record *rows = NULL;
    size_t count = 0;
    bool found = false;
    while (sql_row(q, &found, e) == 0) {
        if (!found) {
            *ret = rows;
            *ret_count = count;
            return 0;
        }
        rows = xrealloc(rows, (count + 1) * sizeof *rows);
        rows[count++] = read_row(q);
    }
    languages_free(rows, count);
    return -1;
}

void languages_free(struct language_record *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(rows[i].id);
        free(rows[i].name);
        free(rows[i].version);
        free(rows[i].package);
        free(rows[i].source_file);
        free(rows[i].detail_json);
    }
    free(rows);
}
