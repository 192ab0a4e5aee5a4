/*
 * slow.h - connections that take for ever to say what they want, or to hear it. libmicrohttpd
 * closes silent ones, but each byte sets its clock back; here the whole time between a connection's
 * start (or the end of its last request) and the end of the next request's headers counts, and that
 * of an answer. When connections get scarce, those without a request have less time.
 */
#pragma once

#include <stdint.h>

#include <microhttpd.h>

#include "sandbox/base/err.h"

struct slow;

/* Headers may take `limit_ms`; a tenth of it when more than three quarters of `connections_max` are
 * open. Starts a thread. */
must_check_ int slow_new(int64_t limit_ms, int64_t connections_max, struct slow **ret,
                         struct err *e);
void slow_free(struct slow *s); /* ends the thread; accepts NULL */

/* For MHD_OPTION_NOTIFY_CONNECTION, with the struct slow as its argument. */
void slow_notify(void *slow, struct MHD_Connection *conn, void **socket_context,
                 enum MHD_ConnectionNotificationCode code);

/* Its answer may take so long from now; 0: as long as it likes. */
void slow_reply(struct slow *s, struct MHD_Connection *conn, int64_t limit_ms);

/* Connections open now. */
int64_t slow_count(struct slow *s);

/* The headers of a request are there; the request has ended. */
void slow_begin(struct slow *s, struct MHD_Connection *conn);
void slow_end(struct slow *s, struct MHD_Connection *conn);
