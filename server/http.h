/* http.h - the HTTP daemon: libmicrohttpd's epoll threads and the life of a request in them. */
#pragma once

#include "server/server.h"

struct http;

/* Serve on `listen_fd` (taken: closed by http_stop) with the threads and bounds of srv->conf. */
must_check_ int http_start(struct server *srv, int listen_fd, struct http **ret, struct err *e);

/* No new connections from now on. */
void http_quiesce(struct http *h);

/* Connections that are open now. */
unsigned http_connections(const struct http *h);

/* Close all; nothing may be suspended any more. Accepts NULL. */
void http_stop(struct http *h);
