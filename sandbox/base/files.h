/* files.h - how many descriptors a process may have open; every program. */
#pragma once

#include <stdint.h>

#include "sandbox/base/err.h"

/* Raise the soft limit (RLIMIT_NOFILE) to the hard one, and both to `need` where that is allowed.
 * ERR_SYS with the mend when fewer than `need` remain: better than to fail with EMFILE somewhere
 * later. */
must_check_ int files_allow(int64_t need, struct err *e);
