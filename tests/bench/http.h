/* http.h - requests of one client that keeps its connection; by libcurl. */
#pragma once

#include "sandbox/base/buf.h"
#include "sandbox/base/err.h"

struct http;

/* `key` NULL: none is sent. */
must_check_ int http_open(const char *url, const char *key, struct http **ret, struct err *e);
void http_close(struct http *h);

/* GET a path, likewise. */
must_check_ int http_get(struct http *h, const char *path, long *ret_status, struct buf *answer,
                         struct err *e);

/* POST JSON to a path; the answer's status, its body in `answer` (emptied first). A status is no
 * error here. */
must_check_ int http_post(struct http *h, const char *path, const char *body, long *ret_status,
                          struct buf *answer, struct err *e);
