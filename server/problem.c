/* problem.c - RFC 9457 problem documents from problem.def; minos-server. */
#include "server/problem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "server/jsonw.h"

static const struct {
    unsigned status;
    const char *name, *title;
} table[] = {
    [PROBLEM_NONE] = { 500, "none", "" },
#define PROBLEM(id, status, name, title) [PROBLEM_##id] = { status, name, title },
#include "server/problem.def"
#undef PROBLEM
};

void problem_done(struct problem *p)
{
    for (size_t i = 0; i < p->fault_count; i++) {
        free(p->faults[i].field);
        free(p->faults[i].value);
        free(p->faults[i].expected);
    }
    p->id = PROBLEM_NONE;
    p->fault_count = p->dropped_count = 0;
}

void problem_set(struct problem *p, enum problem_id id, const char *fmt, ...)
{
    p->id = id;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(p->detail, sizeof p->detail, fmt, ap);
    va_end(ap);
}

void problem_fault(struct problem *p, const char *field, const char *value_json, const char *fmt,
                   ...)
{
    if (p->id == PROBLEM_NONE)
        problem_set(p, PROBLEM_INVALID, "each fault is listed in \"errors\"");
    if (p->fault_count == PROBLEM_FAULTS_MAX) {
        p->dropped_count++;
        return;
    }
    char *expected = NULL;
    va_list ap;
    va_start(ap, fmt);
    if (vasprintf(&expected, fmt, ap) < 0)
        abort();
    va_end(ap);
    p->faults[p->fault_count++] = (struct problem_fault){
        .field = xstrdup(field),
        .value = xstrdup(value_json != NULL ? value_json : "null"),
        .expected = expected,
    };
}

unsigned problem_status(const struct problem *p)
{
    return table[p->id].status;
}

const char *problem_name(enum problem_id id)
{
    return table[id].name;
}

void problem_write(const struct problem *p, struct buf *b)
{
    struct jsonw w;
    jsonw_init(&w, b, NULL);
    jsonw_object(&w, NULL);
    auto_buf_ struct buf type = { 0 };
    buf_printf(&type, "urn:minos:problem:%s", table[p->id].name);
    jsonw_text(&w, "type", buf_text(&type));
    jsonw_text(&w, "title", table[p->id].title);
    jsonw_int(&w, "status", table[p->id].status);
    jsonw_prose(&w, "detail", p->detail);
    if (p->quota != NULL) {
        jsonw_text(&w, "quota", p->quota);
        jsonw_int(&w, "limit", p->quota_limit);
        jsonw_int(&w, "retry_after_ms", p->retry_after_ms);
    }
    if (p->fault_count > 0) {
        jsonw_array(&w, "errors");
        for (size_t i = 0; i < p->fault_count; i++) {
            jsonw_object(&w, NULL);
            jsonw_prose(&w, "field", p->faults[i].field);
            jsonw_raw(&w, "value", p->faults[i].value);
            jsonw_prose(&w, "expected", p->faults[i].expected);
            jsonw_end_object(&w);
        }
        jsonw_end_array(&w);
    }
    if (p->dropped_count > 0)
        jsonw_int(&w, "errors_not_shown", (int64_t)p->dropped_count);
    jsonw_end_object(&w);
    buf_puts(b, "\n");
}
