/* compile.h - the compile step: from the cache, or in a cell of its own. */
#pragma once

#include <stdbool.h>

#include "worker/judge.h"

/* Compile the job's sources. On success job->artifact is in use. The result has no output yet:
 * `diagnostics` gets the text that is kept of it, and ret->output its lengths. *ret_stopped: the
 * lease ended it, nothing else is set. */
must_check_ int compile_job(const struct judge *j, struct job *job, struct compile_result *ret,
                            struct buf *diagnostics, bool *ret_stopped, struct err *e);
