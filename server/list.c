/* list.c - GET /v1/submissions: newest first, a page at a time; minos-server. */
#include <inttypes.h>
#include <string.h>

#include "sandbox/base/cleanup.h"
#include "sandbox/base/units.h"
#include "server/cursor.h"
#include "server/encode.h"
#include "server/handlers.h"
#include "server/request.h"

enum { LIMIT_DEFAULT = 50, LIMIT_MAX = 500 };

static void read_status(struct request *r, struct submission_filter *f)
{
    const char *text = request_query(r, "status");
    if (text == NULL)
        return;
    f->state = submission_state_from_name(text);
    if (f->state != SUBMISSION_NONE)
        return;
#define X(id, name) " " name
    request_parameter_fault(r, "status", text, "one of:" SUBMISSION_STATES(X));
#undef X
}

static void read_verdict(struct request *r, struct submission_filter *f)
{
    const char *text = request_query(r, "verdict");
    if (text == NULL)
        return;
    f->verdict = verdict_from_name(text);
    if (f->verdict != VERDICT_NONE)
        return;
    request_parameter_fault(r, "verdict", text, "one of:"
#define VERDICT(id, name, accepted, severity, help) " " name
#include "schema/verdict.def"
#undef VERDICT
    );
}

static void read_filter(struct request *r, struct submission_filter *f, char cursor[STORE_ID_BYTES])
{
    bool admin = (r->who.scopes & KEY_ADMIN) != 0;
    *f = (struct submission_filter){ .key_id = admin ? -1 : r->who.key_id, .limit = LIMIT_DEFAULT };
    const char *limit = request_query(r, "limit"), *text = request_query(r, "cursor");
    struct err e;
    if (limit != NULL && units_parse_int(limit, 1, LIMIT_MAX, &f->limit, &e) != 0)
        request_parameter_fault(r, "limit", limit, "a whole number from 1 to 500");
    if (text != NULL && !cursor_read(text, cursor))
        request_parameter_fault(r, "cursor", text, "the next_cursor of an earlier page");
    else if (text != NULL)
        f->before_id = cursor;
    f->language = request_query(r, "language");
    f->rejudge_of = request_query(r, "rejudge_of");
    if (f->rejudge_of != NULL && !store_id_valid(f->rejudge_of))
        request_parameter_fault(r, "rejudge_of", f->rejudge_of, "the id of a submission");
    read_status(r, f);
    read_verdict(r, f);
}

/* The same request from `cursor` on. */
static void write_next(struct jsonw *w, const struct request *r, const struct submission_filter *f,
                       const char *cursor)
{
    static const char *const kept[] = { "status", "verdict", "language", "rejudge_of" };
    auto_buf_ struct buf link = { 0 };
    buf_printf(&link, "/v1/submissions?limit=%" PRId64, f->limit);
    for (size_t i = 0; i < ARRAY_COUNT(kept); i++) {
        const char *text = request_query(r, kept[i]);
        if (text == NULL)
            continue;
        buf_printf(&link, "&%s=", kept[i]);
        for (const char *c = text; *c != '\0'; c++) {
            bool plain = strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-",
                                *c) != NULL;
            buf_printf(&link, plain ? "%c" : "%%%02X", (unsigned char)*c);
        }
    }
    buf_printf(&link, "&cursor=%s", cursor);
    jsonw_text(w, "next", buf_text(&link));
    jsonw_text(w, "next_cursor", cursor);
}

static void write_page(struct request *r, const struct submission_filter *f,
                       const struct submission_row *rows, size_t count)
{
    struct jsonw w;
    jsonw_init(&w, &r->reply.body, NULL);
    jsonw_object(&w, NULL);
    size_t shown = count > (size_t)f->limit ? (size_t)f->limit : count;
    jsonw_array(&w, "submissions");
    for (size_t i = 0; i < shown; i++)
        encode_row(&w, &rows[i]);
    jsonw_end_array(&w);
    if (count > shown) {
        auto_buf_ struct buf cursor = { 0 };
        cursor_write(&cursor, rows[shown - 1].id);
        write_next(&w, r, f, buf_text(&cursor));
    } else {
        jsonw_null(&w, "next");
        jsonw_null(&w, "next_cursor");
    }
    jsonw_end_object(&w);
    buf_puts(&r->reply.body, "\n");
}

void list_submissions(struct request *r)
{
    struct submission_filter f;
    char cursor[STORE_ID_BYTES];
    read_filter(r, &f, cursor);
    if (r->problem.id != PROBLEM_NONE) {
        request_problem(r);
        return;
    }
    auto_reader_ struct reader_loan loan = { r->srv->readers, NULL };
    struct submission_row *rows = NULL;
    size_t count = 0;
    struct err e;
    struct submission_filter one_more = f; /* tells whether a next page exists */
    one_more.limit++;
    if (readers_take(r->srv->readers, &loan.store, &e) != 0 ||
        submission_list(loan.store, &one_more, &rows, &count, &e) != 0) {
        request_error(r, &e);
        return;
    }
    write_page(r, &f, rows, count);
    submission_rows_free(rows, count);
    request_reply(r, 200, REQUEST_JSON);
}
