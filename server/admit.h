/* admit.h - what is decided about a request when only its headers are known. */
#pragma once

#include "server/request.h"

enum { ADMIT_HEAD_BYTES = 32768 }; /* request line and headers together; above it 431 */

/* Find the route, check key, parameters and declared length. A fault makes r's reply ready. True:
 * answer at once, without reading the body. */
bool admit_open(struct request *r, const char *method, const char *url);

/* Reply 413. */
void admit_too_large(struct request *r);

/* How much of a body that will not be used is read and dropped before the connection is closed. */
int64_t admit_drain_bytes(const struct conf *conf);
