/* accept.h - replying with a submission's result, shared by POST and GET. */
#pragma once

#include "server/fields.h"
#include "server/request.h"

/* Read ?fields=. False: refused, the reply is ready. */
bool accept_fields(struct request *r, struct fields *ret);

/* Reply with the report of `id`, or 404 when it is none of the asker's. Status 200, but 202 when it
 * is not final and `pending_is_202`. */
void accept_reply_report(struct request *r, const char *id, const struct fields *only,
                         bool pending_is_202);

/* The {id} of the path when it can be one; NULL: refused with 404, the reply is ready. */
const char *accept_path_id(struct request *r);

/* Whether there is such a submission and the asker may see it; false: the reply is ready. */
bool accept_check_owner(struct request *r, const char *id);

/* Idempotency-Key: 1 to 255 visible characters, or none at all (*ret stays). False: the reply is
 * ready. */
bool accept_idempotency_key(struct request *r, char **ret);

/* Reply for a store's refusal: 409 when the Idempotency-Key was used for something else. */
void accept_reply_failed(struct request *r, const struct err *e);
