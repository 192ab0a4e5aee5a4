/* inside_drop.h - giving up privilege inside a cell, each step verified by reading it back. System
 * calls only. */
#pragma once

#include "sandbox/base/err.h"

/* Empty the capability bounding set (needs CAP_SETPCAP in the cell's user namespace). */
must_check_ int inside_drop_bounding(struct err *e);

/* no_new_privs, no ambient, inheritable, permitted or effective capability, not dumpable. */
must_check_ int inside_drop_all(struct err *e);

/* Become the cell's ordinary user: groups, gids, uids, read back. */
must_check_ int inside_become_user(struct err *e);
