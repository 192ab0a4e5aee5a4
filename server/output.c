/* output.c - the raw bytes that a test or a compile wrote; minos-server. */
#include <inttypes.h>

#include "sandbox/base/units.h"
#include "server/accept.h"
#include "server/decode.h"
#include "server/handlers.h"

enum which { WHICH_STDOUT, WHICH_STDERR, WHICH_COMPILE };

/* The output asked for, within `report`; NULL when there is none (yet). */
static const struct kept_output *pick(const struct submission_report *report, enum which which,
                                      int64_t number)
{
    if (which == WHICH_COMPILE)
        return report->compile.present ? &report->compile.output : NULL;
    for (size_t i = 0; i < report->result_count; i++) {
        const struct test_result *t = &report->results[i];
        if (t->index + 1 == number)
            return which == WHICH_STDOUT ? &t->stdout_kept : &t->stderr_kept;
    }
    return NULL;
}

static void reply_output(struct request *r, struct store *s, const struct kept_output *out)
{
    struct err e;
    if (out->blob.present && blob_open(s, &out->blob, &r->reply.fd, &e) != 0) {
        request_error(r, &e);
        return;
    }
    r->reply.fd_bytes = out->blob.bytes;
    request_header(r, "Minos-Output-Bytes", xasprintf("%" PRId64, out->bytes));
    request_header(r, "Minos-Output-Truncated", xstrdup(out->truncated ? "true" : "false"));
    if (out->truncated)
        request_header(r, "Minos-Output-Head-Bytes", xasprintf("%" PRId64, out->head_bytes));
    request_reply(r, 200, "application/octet-stream");
}

static void send_output(struct request *r, enum which which)
{
    const char *id = accept_path_id(r);
    int64_t number = 0;
    struct err e;
    if (id == NULL)
        return;
    if (which != WHICH_COMPILE &&
        units_parse_int(r->params.text[1], 1, DECODE_TESTS_MAX, &number, &e) != 0) {
        request_refuse(r, PROBLEM_NOT_FOUND, "tests are numbered from 1");
        return;
    }
    auto_reader_ struct reader_loan loan = { r->srv->readers, NULL };
    struct submission_report report = { 0 };
    bool found = false;
    if (readers_take(r->srv->readers, &loan.store, &e) != 0 ||
        report_load(loan.store, id, &report, &found, &e) != 0) {
        request_error(r, &e);
        return;
    }
    const struct kept_output *out = found ? pick(&report, which, number) : NULL;
    if (!found || !request_may_see(r, report.sub.key_id))
        request_refuse(r, PROBLEM_NOT_FOUND, "there is no submission with this id");
    else if (out == NULL)
        request_refuse(r, PROBLEM_NOT_FOUND, "there is no such output, or not yet");
    else
        reply_output(r, loan.store, out);
    if (found)
        report_done(&report);
}

void output_stdout(struct request *r)
{
    send_output(r, WHICH_STDOUT);
}

void output_stderr(struct request *r)
{
    send_output(r, WHICH_STDERR);
}

void output_compile(struct request *r)
{
    send_output(r, WHICH_COMPILE);
}
