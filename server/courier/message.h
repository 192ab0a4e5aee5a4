/* message.h - what a callback says, and the signature that shows who says it; minos-courier. */
#pragma once

#include <stdint.h>

#include "sandbox/base/buf.h"
#include "sandbox/base/err.h"
#include "schema/callback.h"

/*
 * Append the body: {"type", "timestamp", "data"}, data being the members of a result that hold
 * neither outputs nor tests, so that its size is bounded and no test data leaves for a URL. The
 * verdict never changes, so each try says the same. *ret_found false: the submission is gone.
 */
must_check_ int message_body(struct store *s, const char *id, struct buf *b, bool *ret_found,
                             struct err *e);

/*
 * Append the header lines of a try, each ended by a newline: Standard Webhooks' webhook-id,
 * webhook-timestamp and webhook-signature, the latter with one "v1,BASE64" for each secret that is
 * valid at now_unix_ms, the newest first; HMAC-SHA256 of "ID.TIMESTAMP.BODY".
 */
void message_headers(const struct callback_secrets *secrets, const char *id, int64_t now_unix_ms,
                     const char *body, size_t body_len, struct buf *b);
