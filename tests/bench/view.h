/*
 * view.h - another view of the host's mounts for a contestant. crun refuses hosts where v1 and v2
 * control groups are both mounted; where v2's mount is out of sight it works on v1, with its
 * limits.
 */
#pragma once

#include "sandbox/base/err.h"

struct view {
    int own_fd, other_fd; /* mount namespaces: ours, and the other; -1: there is no other */
};

#define VIEW_NONE ((struct view){ -1, -1 })

/* A mount namespace like ours, without the v2 mount of a hybrid host; on other hosts VIEW_NONE. The
 * caller must be single-threaded, as setns(2) wants it. */
must_check_ int view_open_without_v2(struct view *v, struct err *e);
void view_close(struct view *v);

/* Be there, be back; nothing for VIEW_NONE. */
must_check_ int view_enter(const struct view *v, struct err *e);
must_check_ int view_leave(const struct view *v, struct err *e);
