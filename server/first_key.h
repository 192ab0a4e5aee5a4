/* first_key.h - the key a fresh store is given, so that somebody can get in. */
#pragma once

#include <stdbool.h>

#include "sandbox/base/err.h"

/* When data_dir's store holds no key at all, make one with every scope and write its secret and a
 * newline to data_dir/admin.key (0600). *ret_made says whether it was; *ret_active whether any key
 * that is not revoked exists now. */
must_check_ int first_key_ensure(const char *data_dir, bool *ret_made, bool *ret_active,
                                 struct err *e);
