/* suffix.h - which language a file is in, by its suffix. */
#pragma once

#include <jansson.h>

#include "sandbox/base/err.h"
#include "server/cli/api.h"

/* Choose among a /v1/languages answer for `path`: the last available language whose source file
 * has that suffix (they are sorted, so c17 rather than c11). ERR_INPUT when none has, or none of
 * them is available. The caller frees. */
must_check_ int suffix_choose(const json_t *languages, const char *path, char **ret_language,
                              struct err *e);

/* The same, asking the server for its languages. */
must_check_ int suffix_language(struct api *a, const char *path, char **ret_language,
                                struct err *e);
