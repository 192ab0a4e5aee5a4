/* files.h - descriptors: how many a process may have, and what a borrowed one is; every program. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "sandbox/base/err.h"

/* Raise the soft limit (RLIMIT_NOFILE) to the hard one, and both to `need` where that is allowed.
 * ERR_SYS with the mend when fewer than `need` remain: better than to fail with EMFILE somewhere
 * later. */
must_check_ int files_allow(int64_t need, struct err *e);

/* Namespaces and processes have handles that look like regular files (pidfd_open(2) since 6.9); a
 * client may lend none to a program. True, too, for what cannot be looked at. */
bool files_is_handle(int fd);
