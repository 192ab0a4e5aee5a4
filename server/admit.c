/* admit.c - route, key, parameters, length: the checks before a body is read; minos-server. */
#include "server/admit.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "sandbox/base/cleanup.h"
#include "sandbox/base/clock.h"
#include "sandbox/base/units.h"
#include "server/listen.h"

enum { DRAIN_MORE_BYTES = 16 << 20, SEEN_MAX = 8 };

int64_t admit_drain_bytes(const struct conf *conf)
{
    return 2 * conf->server_body_bytes + DRAIN_MORE_BYTES;
}

void admit_too_large(struct request *r)
{
    request_refuse(r, PROBLEM_TOO_LARGE, "a body may have at most %lld bytes",
                   (long long)r->srv->conf->server_body_bytes);
}

static bool peer_is_loopback(const struct request *r)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(r->conn, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    return info != NULL && info->client_addr != NULL && listen_is_loopback(info->client_addr);
}

/*
 * Without keys, the loopback address is all that protects us, and a web page in the operator's
 * browser can reach that: no page's request (Origin), and none to a name that was made to point
 * here (Host), is served.
 */
static bool anonymous_ok(const struct request *r)
{
    const char *host = request_in_header(r, MHD_HTTP_HEADER_HOST);
    if (!r->srv->conf->server_allow_anonymous || !peer_is_loopback(r) ||
        request_in_header(r, MHD_HTTP_HEADER_ORIGIN) != NULL)
        return false;
    if (host == NULL)
        return true;
    size_t len = host[0] == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":");
    auto_free_ char *name = xstrndup(host, len);
    struct in_addr v4;
    return strcasecmp(name, "localhost") == 0 || name[0] == '[' ||
           inet_pton(AF_INET, name, &v4) == 1;
}

static unsigned scope_needs(enum route_scope scope)
{
    switch (scope) {
    case ROUTE_SCOPE_PUBLIC:
    case ROUTE_SCOPE_ANY:
        return 0;
    case ROUTE_SCOPE_SUBMIT:
        return KEY_SUBMIT;
    case ROUTE_SCOPE_READ:
    case ROUTE_SCOPE_METRICS:
        return KEY_READ;
    case ROUTE_SCOPE_ADMIN:
        return KEY_ADMIN;
    }
    return KEY_ADMIN;
}

static const char *scope_name(unsigned need)
{
    return need == KEY_SUBMIT ? "submit" : need == KEY_READ ? "read" : "admin";
}

static void check_key(struct request *r)
{
    const char *header = request_in_header(r, MHD_HTTP_HEADER_AUTHORIZATION);
    enum route_scope scope = r->route->scope;
    if (scope == ROUTE_SCOPE_PUBLIC || (scope == ROUTE_SCOPE_METRICS && peer_is_loopback(r)))
        return;
    bool found = false;
    struct err e;
    if (header == NULL && anonymous_ok(r)) {
        r->who = (struct auth_who){ 0, KEY_SUBMIT | KEY_READ, r->srv->conf->quotas };
    } else if (header == NULL) {
        request_refuse(r, PROBLEM_UNAUTHENTICATED, "send \"Authorization: Bearer KEY\"");
        return;
    } else if (auth_find(r->srv->auth, header, &r->who, &found, &e) != 0) {
        request_error(r, &e);
        return;
    } else if (!found) {
        request_refuse(r, PROBLEM_UNAUTHENTICATED, "the key is not known or was revoked");
        return;
    }
    unsigned need = scope_needs(scope);
    if ((r->who.scopes & need) != need)
        request_refuse(r, PROBLEM_FORBIDDEN, "the scope \"%s\" is needed", scope_name(need));
}

static void check_rate(struct request *r)
{
    int64_t wait_ms = 0;
    if (r->route->scope == ROUTE_SCOPE_PUBLIC || (r->who.key_id == 0 && r->who.scopes == 0))
        return; /* nobody in particular */
    enum quota quota =
        rate_take(r->srv->rate, r->who.key_id, &r->who.quotas, clock_mono_ns(), &wait_ms);
    if (quota != QUOTA_NONE)
        request_refuse_quota(r, quota, wait_ms, "this key has made too many requests of late");
}

struct query_check {
    struct request *r;
    const char *seen[SEEN_MAX];
    size_t seen_count;
};

static enum MHD_Result check_parameter(void *cls, enum MHD_ValueKind kind, const char *name,
                                       const char *value)
{
    struct query_check *c = cls;
    (void)kind;
    const char *takes = c->r->route->query;
    if (!route_takes(c->r->route, name)) {
        request_parameter_fault(c->r, name, value, "no such parameter; there are: %s",
                                takes[0] != '\0' ? takes : "none");
        return MHD_YES;
    }
    for (size_t i = 0; i < c->seen_count; i++)
        if (strcmp(c->seen[i], name) == 0)
            request_parameter_fault(c->r, name, value, "the parameter once");
    if (c->seen_count < SEEN_MAX)
        c->seen[c->seen_count++] = name;
    return MHD_YES;
}

static void check_query(struct request *r)
{
    struct query_check c = { .r = r };
    MHD_get_connection_values(r->conn, MHD_GET_ARGUMENT_KIND, check_parameter, &c);
    if (r->problem.id != PROBLEM_NONE)
        request_problem(r);
}

/* A page can send text/plain across origins unasked, but not JSON: part of anonymous_ok's guard. */
static void check_media_type(struct request *r)
{
    const char *type = request_in_header(r, MHD_HTTP_HEADER_CONTENT_TYPE);
    if (r->who.key_id != 0 || strcmp(r->route->method, "POST") != 0)
        return;
    if (type == NULL || strncasecmp(type, REQUEST_JSON, sizeof REQUEST_JSON - 1) != 0)
        request_refuse(r, PROBLEM_MEDIA_TYPE,
                       "without a key, send \"Content-Type: application/json\"");
}

static void find_route(struct request *r, const char *method, const char *url)
{
    bool known = false;
    r->route = route_find(method, url, &r->params, &known);
    if (r->route != NULL)
        return;
    auto_buf_ struct buf allow = { 0 };
    route_allow(url, &allow);
    if (!known) {
        request_refuse(r, PROBLEM_NOT_FOUND, "no such route; see /v1/openapi.json");
    } else if (strcmp(method, "OPTIONS") == 0) {
        request_header(r, "Allow", buf_take(&allow));
        request_reply(r, 204, NULL);
    } else {
        request_refuse(r, PROBLEM_METHOD, "this path takes %s", buf_text(&allow));
        request_header(r, "Allow", buf_take(&allow));
    }
}

/* How many headers say where the body ends, and the last that says it in a way we do not know. */
struct framing {
    int count;
    const char *unknown;
};

static enum MHD_Result note_framing(void *cls, enum MHD_ValueKind kind, const char *name,
                                    const char *value)
{
    struct framing *f = cls;
    (void)kind;
    bool coding = strcasecmp(name, MHD_HTTP_HEADER_TRANSFER_ENCODING) == 0;
    if (coding || strcasecmp(name, MHD_HTTP_HEADER_CONTENT_LENGTH) == 0)
        f->count++;
    if (coding && (value == NULL || strcasecmp(value, "chunked") != 0))
        f->unknown = value != NULL ? value : "";
    return MHD_YES;
}

/* Where a body ends must not depend on who reads: a proxy before us that takes another of two
 * lengths would take the rest for a request of its own (RFC 9112, 6.3 and 11.2). */
static void check_framing(struct request *r)
{
    struct framing f = { 0 };
    MHD_get_connection_values(r->conn, MHD_HEADER_KIND, note_framing, &f);
    if (f.unknown != NULL)
        request_parameter_fault(r, MHD_HTTP_HEADER_TRANSFER_ENCODING, f.unknown, "chunked");
    else if (f.count > 1)
        request_parameter_fault(r, MHD_HTTP_HEADER_CONTENT_LENGTH, NULL,
                                "one Content-Length or one Transfer-Encoding");
    else
        return;
    request_problem(r);
    request_header(r, MHD_HTTP_HEADER_CONNECTION, xstrdup("close"));
}

/* Long before libmicrohttpd runs out of memory for it, which it would answer with a page of HTML.
 */
static void check_head(struct request *r)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(r->conn, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    if (info != NULL && info->header_size > ADMIT_HEAD_BYTES)
        request_refuse(r, PROBLEM_HEAD_TOO_LARGE, "%zu bytes, at most %d are allowed",
                       info->header_size, ADMIT_HEAD_BYTES);
}

bool admit_open(struct request *r, const char *method, const char *url)
{
    const struct conf *conf = r->srv->conf;
    r->head = strcmp(method, "HEAD") == 0;
    check_framing(r);
    if (r->ready)
        return true;
    check_head(r);
    if (!r->ready)
        find_route(r, method, url);
    if (!r->ready && r->srv->closing)
        request_refuse(r, PROBLEM_BUSY, "the service is stopping");
    if (!r->ready)
        check_key(r);
    if (!r->ready)
        check_rate(r);
    if (!r->ready)
        check_media_type(r);
    if (!r->ready)
        check_query(r);
    int64_t length = 0;
    const char *declared = request_in_header(r, MHD_HTTP_HEADER_CONTENT_LENGTH);
    struct err e;
    if (declared != NULL && units_parse_int(declared, 0, INT64_MAX, &length, &e) != 0)
        length = INT64_MAX;
    if (!r->ready && length > conf->server_body_bytes)
        admit_too_large(r);
    bool waits = request_in_header(r, MHD_HTTP_HEADER_EXPECT) != NULL;
    return r->ready && (waits || length > admit_drain_bytes(conf));
}
