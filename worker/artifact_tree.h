/* artifact_tree.h - the files of one artifact on disk: written once, synced, removed whole. */
#pragma once

#include <stddef.h>

#include "sandbox/base/err.h"
#include "sandbox/box.h"

/* Make the directory `name` below dir_fd with a copy of each file: modes 0644 or 0755, directories
 * 0755, everything synced. Names are relative paths without ".", ".." or empty components
 * (ERR_BUG). What is left after an error is the caller's to remove. */
must_check_ int artifact_tree_write(int dir_fd, const char *name, const struct box_collected *files,
                                    size_t count, struct err *e);

/* The sum of the sizes of the regular files below the directory `name`. */
must_check_ int artifact_tree_sum(int dir_fd, const char *name, int64_t *ret_bytes, struct err *e);

/* Ask the kernel to read the files of that tree; what cannot be read is left out. */
void artifact_tree_read_ahead(int dir_fd, const char *name);

/* Remove the file or directory tree `name` below dir_fd, without following links. No error when
 * there is none. */
must_check_ int artifact_tree_remove(int dir_fd, const char *name, struct err *e);
