/*
 * request.h - one HTTP request from its first line to its answer, as handlers see it.
 *
 * A handler either calls request_reply (or one of the problem functions), or request_suspend and
 * has another thread call request_resume; then `next` runs in an HTTP thread and replies. Between
 * suspend and resume the request belongs to that other thread alone.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <microhttpd.h>

#include "server/jsonw.h"
#include "server/problem.h"
#include "server/route.h"
#include "server/server.h"

enum { REQUEST_HEADERS_MAX = 8 };

struct reply {
    unsigned status;
    const char *content_type; /* static text; NULL: no body */
    struct buf body;
    int fd; /* else the body comes from here (owned), fd_bytes of it; -1 */
    int64_t fd_bytes;
    struct MHD_Response *stream; /* else this (owned) */
    struct {
        const char *name; /* static text */
        char *value;
    } headers[REQUEST_HEADERS_MAX];
    size_t header_count;
};

struct request {
    struct server *srv;
    struct MHD_Connection *conn;
    const struct route *route; /* NULL: none */
    struct route_params params;
    struct auth_who who;
    bool head;
    struct buf body;
    int64_t charged_bytes;       /* of server.bodies_bytes */
    int64_t charged_reply_bytes; /* of server.replies_bytes */
    int64_t received_bytes;      /* body bytes so far, those dropped included */
    int64_t started_mono_ns;
    bool ran;       /* the handler was called */
    bool suspended; /* another thread has it; only the HTTP thread reads or writes this */
    bool ready;     /* reply is complete; a body that still comes is dropped */
    struct problem problem;
    struct reply reply;
    void (*next)(struct request *r); /* how to go on after a resume */
    void *state;                     /* the handler's own */
    void (*state_free)(void *state);
};

/* The reply is complete: its status, type, and what was put into reply.body. */
void request_reply(struct request *r, unsigned status, const char *content_type);

/* Add a header; takes `value` (heap). `name` is static text. */
void request_header(struct request *r, const char *name, char *value);

/* Reply with r->problem as it stands. */
void request_problem(struct request *r);

/* Set a problem and reply with it. */
void request_refuse(struct request *r, enum problem_id id, const char *fmt, ...) format_(3, 4);

/* Reply that a quota of the asker's key is used up (429), and when there will be room again; BUSY
 * (503) with QUOTA_NONE. Counted for the metrics. */
void request_refuse_quota(struct request *r, enum quota quota, int64_t retry_ms,
                          const char *detail);

/* The same for a quota of another key, which is `limit`. */
void request_refuse_quota_of(struct request *r, enum quota quota, int64_t limit, int64_t retry_ms,
                             const char *detail);

/* Add a fault of a query parameter or header (BAD_PARAMETER); request_problem replies. `value` may
 * be NULL. */
void request_parameter_fault(struct request *r, const char *name, const char *value,
                             const char *fmt, ...) format_(4, 5);

/* Reply for a failure by its kind: INPUT 422, BUSY and SYS 503 with Retry-After, BUG 500; the last
 * two are logged. */
void request_error(struct request *r, const struct err *e);

/* A query parameter's value, or a header's; NULL when it was not given. */
const char *request_query(const struct request *r, const char *name);
const char *request_in_header(const struct request *r, const char *name);

void request_suspend(struct request *r, void (*next)(struct request *r));
void request_resume(struct request *r); /* any thread */

/* The body is no longer held: give its share of server.bodies_bytes back. */
void request_uncharge(struct request *r);

/* Whether `key_id` is the asker's own, or the asker an admin. */
bool request_may_see(const struct request *r, int64_t key_id);

#define REQUEST_JSON "application/json"
