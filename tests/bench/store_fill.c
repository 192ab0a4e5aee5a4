/* store_fill.c - fills a store by copying rows inside of the database: as many rows as years of
 * use would leave, in seconds; the program `store` of the bench. */
#include "tests/bench/store_fill.h"

#include <inttypes.h>
#include <string.h>

#include "sandbox/base/buf.h"
#include "sandbox/base/cleanup.h"
#include "schema/inner.h"

enum { PIECE = 100000 }; /* rows a transaction */

/* What a copy has in place of the row it was copied from; @ is the number of the copy, from 1. */
struct column {
    const char *name, *value;
};

struct copied {
    const char *table, *which;
    struct column columns[4];
};

/* :seq and :blob are the last ones that there are, :seq0 and :blob0 those of the original. */
static const struct copied tables[] = {
    { "blob",
      "id = :blob0",
      { { "id", ":blob + @" },
        { "epoch", "(:blob + @) / :epoch + 1" },
        { "sha256", "randomblob(32)" } } },
    { "blob_data", "id = :blob0", { { "id", ":blob + @" } } },
    { "submission",
      "seq = :seq0",
      { { "seq", ":seq + @" }, { "id", "printf('%026d', :seq + @)" } } },
    { "source_file", "seq = :seq0", { { "seq", ":seq + @" }, { "content_blob", ":blob + @" } } },
    { "test", "seq = :seq0", { { "seq", ":seq + @" } } },
    { "queue",
      "id = (SELECT id FROM submission WHERE seq = :seq0)",
      { { "seq", ":seq + @" }, { "id", "printf('%026d', :seq + @)" } } },
    { "compile_result", "seq = :seq0", { { "seq", ":seq + @" } } },
    { "test_result", "seq = :seq0", { { "seq", ":seq + @" } } },
};

struct numbers {
    int64_t seq0, blob0, seq, blob;
};

static int read_numbers(struct store *s, struct numbers *ret, struct err *e)
{
    bool found;
    auto_stmt_ struct stmt *q =
        sql_use(s, "SELECT (SELECT max(seq) FROM submission), (SELECT max(id) FROM blob), "
                   "(SELECT content_blob FROM source_file ORDER BY seq DESC LIMIT 1)");
    if (sql_row(q, &found, e) < 0)
        return -1;
    ret->seq = sql_int(q);
    ret->blob = sql_int(q);
    ret->blob0 = sql_int(q);
    ret->seq0 = ret->seq;
    return 0;
}

/* `text` with its names and @ replaced. */
static void put_filled(struct buf *b, const char *text, const struct numbers *n)
{
    const struct {
        const char *name;
        int64_t value;
    } names[] = { { ":seq0", n->seq0 },
                  { ":blob0", n->blob0 },
                  { ":seq", n->seq },
                  { ":blob", n->blob },
                  { ":epoch", DB_EPOCH_ROWS } };
    while (*text != '\0') {
        size_t i = 0;
        while (i < ARRAY_COUNT(names) && strncmp(text, names[i].name, strlen(names[i].name)) != 0)
            i++;
        if (i < ARRAY_COUNT(names)) {
            buf_printf(b, "%" PRId64, names[i].value);
            text += strlen(names[i].name);
        } else {
            buf_printf(b, *text == '@' ? "n" : "%c", *text);
            text++;
        }
    }
}

/* The columns of a table as the copy gets them; `values` false: their names. */
static int put_columns(struct store *s, const struct copied *t, const struct numbers *n,
                       bool values, struct buf *b, struct err *e)
{
    bool found;
    const char *comma = "";
    auto_stmt_ struct stmt *q = sql_use(s, "SELECT name FROM pragma_table_info(?)");
    sql_bind_text(q, t->table);
    for (;;) {
        if (sql_row(q, &found, e) < 0)
            return -1;
        if (!found)
            return 0;
        auto_free_ char *name = sql_text(q);
        const char *value = name;
        for (size_t i = 0; values && i < ARRAY_COUNT(t->columns); i++)
            if (t->columns[i].name != NULL && strcmp(t->columns[i].name, name) == 0)
                value = t->columns[i].value;
        buf_puts(b, comma);
        put_filled(b, value, n);
        comma = ", ";
    }
}

static int copy_table(struct store *s, const struct copied *t, const struct numbers *n,
                      int64_t count, struct err *e)
{
    auto_buf_ struct buf b = { 0 };
    buf_printf(&b, "INSERT INTO %s (", t->table);
    if (put_columns(s, t, n, false, &b, e) < 0)
        return -1;
    buf_puts(&b, ") SELECT ");
    if (put_columns(s, t, n, true, &b, e) < 0)
        return -1;
    buf_printf(&b,
               " FROM (WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < "
               "%" PRId64 ") SELECT n FROM c), %s WHERE ",
               count, t->table);
    put_filled(&b, t->which, n);
    return sql_exec(s, buf_text(&b), e);
}

/* What key_use and the counter of bytes say of rows that wait, as line.c would have. */
static int count_waiting(struct store *s, const struct numbers *n, int64_t count, struct err *e)
{
    bool found;
    auto_stmt_ struct stmt *q = sql_use(s, "SELECT key_id, bytes FROM queue WHERE seq = ?");
    sql_bind_int(q, n->seq0);
    if (sql_row(q, &found, e) < 0)
        return -1;
    int64_t key_id = sql_int(q), bytes = sql_int(q) * count;
    auto_stmt_ struct stmt *u = sql_use(s, "UPDATE key_use SET queued_count = queued_count + ?, "
                                           "queued_bytes = queued_bytes + ? WHERE key_id = ?");
    sql_bind_int(u, count);
    sql_bind_int(u, bytes);
    sql_bind_int(u, key_id);
    return sql_run(u, e) < 0 ? -1 : counter_add(s, COUNTER_QUEUED_BYTES, bytes, e);
}

static int copy_piece(struct store *s, const struct numbers *n, int64_t count, bool done,
                      struct err *e)
{
    __attribute__((cleanup(tx_end))) struct tx tx;
    if (tx_begin(&tx, s, STORE_RELAXED, e) < 0)
        return -1;
    for (size_t i = 0; i < ARRAY_COUNT(tables); i++)
        if (copy_table(s, &tables[i], n, count, e) < 0)
            return err_wrap(e, "copy %s", tables[i].table);
    int64_t counter = done ? COUNTER_VERDICT + VERDICT_ACCEPTED : COUNTER_QUEUED;
    if (counter_add(s, counter, count, e) < 0 || (!done && count_waiting(s, n, count, e) < 0))
        return -1;
    return tx_commit(&tx, e);
}

int store_fill(struct store *s, int64_t count, bool done, struct err *e)
{
    struct numbers n;
    if (read_numbers(s, &n, e) < 0)
        return -1;
    for (int64_t left = count; left > 0; left -= PIECE) {
        int64_t piece = left < PIECE ? left : PIECE;
        if (copy_piece(s, &n, piece, done, e) < 0)
            return -1;
        n.seq += piece;
        n.blob += piece;
    }
    return 0;
}
