/* route.c - the routes of routes.def; minos-server. */
#include "server/route.h"

#include <string.h>

#include "server/handlers.h"

static const struct route routes[ROUTE_COUNT] = {
#define ROUTE(id, method, path, scope, handler, query)                                             \
    [ROUTE_##id] = { ROUTE_##id, #method, path, ROUTE_SCOPE_##scope, handler, query },
#include "server/routes.def"
#undef ROUTE
};

/* Compare segment by segment; a {name} takes any one segment that is not empty. */
static bool path_matches(const char *pattern, const char *path, struct route_params *ret)
{
    ret->count = 0;
    while (*pattern == '/' && *path == '/') {
        size_t want = strcspn(++pattern, "/"), have = strcspn(++path, "/");
        if (*pattern == '{') {
            if (have == 0 || have >= ROUTE_PARAM_BYTES || ret->count == ROUTE_PARAMS_MAX)
                return false;
            char *text = ret->text[ret->count++];
            memcpy(text, path, have);
            text[have] = '\0';
        } else if (want != have || memcmp(pattern, path, want) != 0) {
            return false;
        }
        pattern += want;
        path += have;
    }
    return *pattern == '\0' && *path == '\0';
}

const struct route *route_find(const char *method, const char *path, struct route_params *ret,
                               bool *ret_path_known)
{
    if (strcmp(method, "HEAD") == 0)
        method = "GET";
    *ret_path_known = false;
    for (size_t i = 0; i < ROUTE_COUNT; i++) {
        if (!path_matches(routes[i].path, path, ret))
            continue;
        *ret_path_known = true;
        if (strcmp(routes[i].method, method) == 0)
            return &routes[i];
    }
    return NULL;
}

void route_allow(const char *path, struct buf *b)
{
    struct route_params drop;
    const char *first = NULL; /* of two paths that fit, the one that is found first counts */
    for (size_t i = 0; i < ROUTE_COUNT; i++) {
        if (!path_matches(routes[i].path, path, &drop) ||
            (first != NULL && strcmp(first, routes[i].path) != 0))
            continue;
        first = routes[i].path;
        buf_printf(b, "%s, ", routes[i].method);
        if (strcmp(routes[i].method, "GET") == 0)
            buf_puts(b, "HEAD, ");
    }
    buf_puts(b, "OPTIONS");
}

const struct route *route_at(size_t i)
{
    return &routes[i];
}

bool route_takes(const struct route *r, const char *name)
{
    size_t len = strlen(name);
    for (const char *q = r->query; *q != '\0';) {
        size_t n = strcspn(q, " ");
        if (n == len && memcmp(q, name, n) == 0)
            return true;
        q += n + (q[n] == ' ');
    }
    return false;
}
