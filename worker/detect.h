/* detect.h - which languages this host has: each version command is run in a cell, and the hello
 * program compiled, once for each state of the tools. */
#pragma once

#include "sandbox/base/err.h"
#include "worker/worker.h"

/* Fill `version` of each language of the set (NULL stays where a tool is missing or does not work)
 * and remember the answers in DATA/languages.json: as long as neither the language file nor the
 * tools change, no cell is needed. A language that does not work is no error. */
must_check_ int detect_versions(const struct worker *w, struct language_set *set, struct err *e);

/* The state of a language's file and tools, as far as it can be seen from here; *ret_there false
 * when its image surely has no such tool. */
void detect_key(const struct conf *c, const struct language *l, char ret_hex[STORE_HEX_BYTES],
                bool *ret_there);

/* Tell the store what there is, for /v1/languages. */
must_check_ int detect_publish(const struct language_set *set, struct store *s, struct err *e);
