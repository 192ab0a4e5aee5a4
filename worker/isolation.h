/* isolation.h - the JSON statement of isolation that goes with each result. */
#pragma once

#include "sandbox/box.h"

/* The proof as JSON text: {"complete", "mode", "cgroup", "kernel", "layers": [...]}. The caller
 * frees. */
char *isolation_text(const struct box_proof *p);
