/* route.h - from method and path to a row of routes.def. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "sandbox/base/buf.h"

struct request;

enum route_id {
#define ROUTE(id, method, path, scope, handler, query) ROUTE_##id,
#include "server/routes.def"
#undef ROUTE
    ROUTE_COUNT
};

enum route_scope {
    ROUTE_SCOPE_PUBLIC,
    ROUTE_SCOPE_ANY,
    ROUTE_SCOPE_SUBMIT,
    ROUTE_SCOPE_READ,
    ROUTE_SCOPE_ADMIN,
    ROUTE_SCOPE_METRICS,
};

struct route {
    enum route_id id;
    const char *method, *path;
    enum route_scope scope;
    void (*handler)(struct request *r); /* fills r's reply, or suspends r */
    const char *query;
};

enum { ROUTE_PARAMS_MAX = 2, ROUTE_PARAM_BYTES = 64 };

/* The texts where a path has {names}, in order. */
struct route_params {
    char text[ROUTE_PARAMS_MAX][ROUTE_PARAM_BYTES];
    size_t count;
};

/* The row for it; NULL when there is none, and then *ret_path_known says whether the path exists
 * with another method. HEAD finds GET's row. */
const struct route *route_find(const char *method, const char *path, struct route_params *ret,
                               bool *ret_path_known);

/* Append the methods of a path, as an Allow header has them: "GET, HEAD, OPTIONS". */
void route_allow(const char *path, struct buf *b);

/* Row by number, below ROUTE_COUNT. */
const struct route *route_at(size_t i);

/* Whether the route takes this query parameter. */
bool route_takes(const struct route *r, const char *name);
