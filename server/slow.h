/*
 * slow.h - connections that take for ever to say what they want. libmicrohttpd closes silent ones,
 * but each byte sets its clock back; here the whole time between a connection's start (or the end
 * of its last request) and the end of the next request's headers counts.
 */
#pragma once

#include <stdint.h>

#include <microhttpd.h>

#include "sandbox/base/err.h"

struct slow;

/* Headers may take `limit_ms`. Starts a thread. */
must_check_ int slow_new(int64_t limit_ms, struct slow **ret, struct err *e);
void slow_free(struct slow *s); /* ends the thread; accepts NULL */

/* For MHD_OPTION_NOTIFY_CONNECTION, with the struct slow as its argument. */
void slow_notify(void *slow, struct MHD_Connection *conn, void **socket_context,
                 enum MHD_ConnectionNotificationCode code);

/* The headers of a request are there; the request has ended. */
void slow_begin(struct slow *s, struct MHD_Connection *conn);
void slow_end(struct slow *s, struct MHD_Connection *conn);
