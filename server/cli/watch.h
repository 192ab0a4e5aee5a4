/* watch.h - waiting for a verdict, with progress for people. */
#pragma once

#include <jansson.h>

#include "sandbox/base/err.h"
#include "server/cli/api.h"

/* Wait until submission `id` has its final state and fetch its result, which the caller decrefs.
 * On a terminal (standard error) one line shows how far it is; `quiet` suppresses it. */
must_check_ int watch_submission(struct api *a, const char *id, bool quiet, json_t **ret,
                                 struct err *e);
