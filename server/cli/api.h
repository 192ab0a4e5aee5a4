/* api.h - the REST API as the commands use it, by libcurl. HTTP statuses become errors: 4xx
 * ERR_INPUT (with what the problem document says, field by field), 429 and 503 ERR_BUSY, the rest
 * and all of the network ERR_SYS. */
#pragma once

#include <jansson.h>
#include <stddef.h>

#include "sandbox/base/err.h"
#include "server/cli/cli.h"

struct api;

/* Find the URL and the key (see struct common). Connects later, on use. With --json, numbers of
 * answers that have a fraction are strings which text_print_json alone understands. */
must_check_ int api_open(const struct common *c, struct api **ret, struct err *e);
void api_close(struct api *a);

/* The base URL, without a slash at its end, and the key or NULL. Owned by a. */
const char *api_url(const struct api *a);
const char *api_key_text(const struct api *a);

/* One request and its JSON answer, which the caller decrefs; `body` may be NULL, `ret` too. */
must_check_ int api_get(struct api *a, const char *path, json_t **ret, struct err *e);
must_check_ int api_post(struct api *a, const char *path, const json_t *body, json_t **ret,
                         struct err *e);
/* api_post under a name (an Idempotency-Key), so that a repetition does nothing more; NULL: none.
 */
must_check_ int api_post_once(struct api *a, const char *path, const json_t *body, const char *name,
                              json_t **ret, struct err *e);
must_check_ int api_patch(struct api *a, const char *path, const json_t *body, json_t **ret,
                          struct err *e);
must_check_ int api_delete(struct api *a, const char *path, struct err *e);

/* Append the bytes of the answer, whatever their type. */
must_check_ int api_get_raw(struct api *a, const char *path, struct buf *ret, struct err *e);

/* Read an event stream until `on_event` returns nonzero (*ret_stopped true) or the server ends it.
 */
must_check_ int api_events(struct api *a, const char *path,
                           int (*on_event)(void *ctx, const char *event, const char *data),
                           void *ctx, bool *ret_stopped, struct err *e);

/* HTTP status of the last answer, 0 when there was none. */
long api_status(const struct api *a);

/* Append `text` to a path or query, percent-encoded. */
void api_escape(const char *text, struct buf *b);

/* The array `name` of `root` (or root itself when it is one); NULL when there is none. Borrowed. */
const json_t *api_list(const json_t *root, const char *name);
