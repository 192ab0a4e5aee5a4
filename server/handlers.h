/* handlers.h - the handlers that routes.def names. Each runs in an HTTP thread with the body read;
 * it fills the request's reply, or suspends the request and names how it goes on (request.h). */
#pragma once

struct request;

#define ROUTE(id, method, path, scope, handler, query) void handler(struct request *r);
#include "server/routes.def"
#undef ROUTE
