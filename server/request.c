/* request.c - helpers for handlers; minos-server. */
#include "server/request.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sandbox/base/cleanup.h"

enum { VALUE_SHOWN_BYTES = 100 };

void request_reply(struct request *r, unsigned status, const char *content_type)
{
    r->reply.status = status;
    r->reply.content_type = content_type;
    r->ready = true;
}

void request_header(struct request *r, const char *name, char *value)
{
    if (r->reply.header_count == REQUEST_HEADERS_MAX)
        abort(); /* a handler sets a fixed few */
    r->reply.headers[r->reply.header_count].name = name;
    r->reply.headers[r->reply.header_count++].value = value;
}

void request_problem(struct request *r)
{
    r->reply.body.len = 0;
    problem_write(&r->problem, &r->reply.body);
    request_reply(r, problem_status(&r->problem), "application/problem+json");
    if (r->problem.id == PROBLEM_BUSY || r->problem.id == PROBLEM_QUOTA) {
        int64_t seconds = (r->problem.retry_after_ms + 999) / 1000;
        request_header(r, "Retry-After", xasprintf("%" PRId64, seconds > 0 ? seconds : 1));
    }
    if (r->problem.id == PROBLEM_UNAUTHENTICATED)
        request_header(r, "WWW-Authenticate", xstrdup("Bearer realm=\"minos\""));
}

void request_refuse(struct request *r, enum problem_id id, const char *fmt, ...)
{
    char detail[ERR_MESSAGE_BYTES];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(detail, sizeof detail, fmt, ap);
    va_end(ap);
    problem_set(&r->problem, id, "%s", detail);
    request_problem(r);
}

void request_refuse_quota(struct request *r, enum quota quota, int64_t retry_ms, const char *detail)
{
    int64_t limit = quota != QUOTA_NONE ? quotas_get(&r->who.quotas, &quotas_table[quota - 1]) : 0;
    request_refuse_quota_of(r, quota, limit, retry_ms, detail);
}

void request_refuse_quota_of(struct request *r, enum quota quota, int64_t limit, int64_t retry_ms,
                             const char *detail)
{
    r->problem.retry_after_ms = retry_ms;
    if (quota != QUOTA_NONE) {
        r->problem.quota = quotas_name(quota);
        r->problem.quota_limit = limit;
        metrics_refused(r->srv->metrics, quota);
    }
    request_refuse(r, quota != QUOTA_NONE ? PROBLEM_QUOTA : PROBLEM_BUSY, "%s", detail);
}

void request_parameter_fault(struct request *r, const char *name, const char *value,
                             const char *fmt, ...)
{
    char expected[ERR_MESSAGE_BYTES];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(expected, sizeof expected, fmt, ap);
    va_end(ap);
    auto_buf_ struct buf json = { 0 };
    if (value != NULL) {
        struct jsonw w;
        jsonw_init(&w, &json, NULL);
        auto_free_ char *cut = xstrndup(value, strnlen(value, VALUE_SHOWN_BYTES));
        jsonw_prose(&w, NULL, cut);
    }
    problem_set(&r->problem, PROBLEM_BAD_PARAMETER, "each fault is listed in \"errors\"");
    problem_fault(&r->problem, name, value != NULL ? buf_text(&json) : NULL, "%s", expected);
}

void request_error(struct request *r, const struct err *e)
{
    switch (e->kind) {
    case ERR_INPUT:
        request_refuse(r, PROBLEM_INVALID, "%s", e->msg);
        return;
    case ERR_BUSY:
        request_refuse(r, PROBLEM_BUSY, "%s", e->msg);
        return;
    case ERR_SYS:
        /* a full disk or the like: the operator can mend it, the client may come again */
        log_error(&r->srv->log, "request_failed", e);
        if (e->errnum == EUCLEAN)
            atomic_store(&r->srv->store_damaged, true);
        request_refuse(r, PROBLEM_BUSY, "the store cannot be used now; the service's log says why");
        return;
    case ERR_BUG:
        break;
    }
    log_error(&r->srv->log, "request_failed", e);
    request_refuse(r, PROBLEM_INTERNAL, "the service failed; its log says why");
}

const char *request_query(const struct request *r, const char *name)
{
    return MHD_lookup_connection_value(r->conn, MHD_GET_ARGUMENT_KIND, name);
}

const char *request_in_header(const struct request *r, const char *name)
{
    return MHD_lookup_connection_value(r->conn, MHD_HEADER_KIND, name);
}

void request_suspend(struct request *r, void (*next)(struct request *r))
{
    r->next = next;
    r->suspended = true;
    MHD_suspend_connection(r->conn);
}

void request_resume(struct request *r)
{
    MHD_resume_connection(r->conn);
}

void request_uncharge(struct request *r)
{
    buf_done(&r->body);
    atomic_fetch_sub(&r->srv->bodies_bytes, r->charged_bytes);
    r->charged_bytes = 0;
}

bool request_may_see(const struct request *r, int64_t key_id)
{
    return r->who.key_id == key_id || (r->who.scopes & KEY_ADMIN) != 0;
}
