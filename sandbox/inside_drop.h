/* inside_drop.h - giving up privilege inside a cell, each step verified by reading it back. System
 * calls only. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "sandbox/base/err.h"

/* Empty the capability bounding set (needs CAP_SETPCAP in the cell's user namespace). */
must_check_ int inside_drop_bounding(struct err *e);

/* no_new_privs, no ambient, inheritable, permitted or effective capability, not dumpable. `caps`
 * false (test builds only): leave the capabilities. */
must_check_ int inside_drop_all(bool caps, struct err *e);

/* Become `id` of the cell, gids first, and read both back. */
must_check_ int inside_become(unsigned id, struct err *e);

/* Take the host's id `id` as effective one, every capability kept. The kernel counts what a user
 * namespace's processes hold (inotify instances, message queues, queued signals) against the id
 * that made it, too: were that root, one cell could use up what the host's root may have. */
must_check_ int inside_own(uid_t id, struct err *e);
