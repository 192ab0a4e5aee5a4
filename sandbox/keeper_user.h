/*
 * keeper_user.h - rootless mode: the user namespace in which an ordinary user's keeper is root, or
 * a container's root who has not the host's power.
 *
 * With subordinate ids (/etc/subuid, /etc/subgid, newuidmap, newgidmap; a container's root takes
 * from its own) the cells of each keeper get two of them. Without, every process of a cell has the
 * caller's own id, and the cell's init is protected by not being dumpable and by being pid 1 alone.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "sandbox/base/err.h"

struct keeper_user {
    bool rootless;
    bool one_id;         /* no subordinate ids: cells have the caller's id only */
    uid_t outer_root_id; /* ids of this keeper's cells, as numbers of the namespace the keeper lives
                            in */
    uid_t outer_user_id;
};

/* As root with CAP_SYS_ADMIN and all ids: only choose ids from `id_base` on. Else: enter a new user
 * namespace and become its root. */
must_check_ int keeper_user_enter(int64_t id_base, struct keeper_user *ret, struct err *e);
