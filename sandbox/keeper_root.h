/*
 * keeper_root.h - the keeper's own mount namespace: a small tmpfs that holds only what cells are
 * made of.
 *
 *     /proc        the keeper's own view, to write id maps
 *     /usr         the host's /usr through a read-only overlay of this keeper: file locks, leases
 * and inotify watches stay between the cells of one slot, which never run two submissions at once
 *     /dev         a minimal /dev, read-only
 *     /images/NAME roots for cells; "host" is a skeleton that expects /usr to be mounted
 *     /artifacts   what compiles left, read-only
 *     /artifact    the large files of one of them: keeper_furnish.h
 *     /cells/N     the writable layer of cell N
 *     /root        where a cell assembles its new root
 *
 * Cells copy this namespace, so a mount that is not here can neither leak nor slow them down.
 */
#pragma once

#include "sandbox/base/conf.h"
#include "sandbox/base/err.h"
#include "sandbox/layers.h"

enum { KEEPER_PATH_MAX = 128 };

struct keeper_root {
    int mntns_fd;        /* this namespace, to come back from a cell's */
    uint32_t layers_off; /* given: 0 but in a test build */
};

/* Build it and move the process there (unshare, pivot_root): paths of the host are gone after.
 * `artifacts` may be NULL. Everything that needs host paths (configuration, cgroups) must have been
 * opened before. */
must_check_ int keeper_root_enter(const struct conf *c, const char *artifacts, bool rootless,
                                  struct keeper_root *ret, struct err *e);

/* Path of an image in here; ERR_INPUT when there is none of that name. *ret_host_usr tells whether
 * /usr belongs on top. */
must_check_ int keeper_root_image(const struct conf *c, const char *name,
                                  char ret_path[KEEPER_PATH_MAX], bool *ret_host_usr,
                                  struct err *e);
