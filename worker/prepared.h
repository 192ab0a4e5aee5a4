/*
 * prepared.h - what all compiles of a language share: a precompiled header, an archive of the
 * compiler's classes. Made once for each state of the tools by the language's prepare.command, in a
 * cell that no submission was ever in, kept in the artifact cache, and laid read-only under /box of
 * compiles, so that no submission can change what the next one gets.
 *
 * It only saves time: a compile that does not find it, or may not use it, gives the same result.
 */
#pragma once

#include "worker/artifact.h"
#include "worker/sources.h"
#include "worker/tool.h"

/* The name under which it is kept. */
void prepared_key(const struct conf *c, const struct language *l, char ret_hex[STORE_HEX_BYTES]);

/* Look it up for a compile of these sources: not found when it was not made, or when a source has
 * the name of one of its files. On a hit *ret is in use until artifact_done. */
must_check_ int prepared_find(struct artifact_cache *c, const struct conf *conf,
                              const struct language *l, const struct sources *sources,
                              struct artifact *ret, bool *ret_found, struct err *e);

/* Make it by `run`, which names the box and what may stop it. *ret_outcome says how the command
 * ended; what it printed is added to `diagnostics`. *ret_made false: it failed or was stopped, and
 * nothing is kept. ERR_BUSY: it could not be stored, and the box can still be used. */
must_check_ int prepared_make(struct artifact_cache *c, const struct tool_run *run,
                              struct box_outcome *ret_outcome, struct buf *diagnostics,
                              bool *ret_made, struct err *e);
