/* copy.h - inside schema/ only: files copied for backup and restore, and read back. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "sandbox/base/err.h"
#include "schema/store.h"

/* The SHA-256 of a file below dir_fd and its length; from the disk rather than from memory, as far
 * as the kernel grants that. */
must_check_ int copy_digest(int dir_fd, const char *name, uint8_t ret[STORE_SHA256_BYTES],
                            int64_t *ret_bytes, struct err *e);

/* Whether a file below dir_fd has the bytes of a blob. */
bool copy_digest_fits(int dir_fd, const char *path, const struct blob *b);

/* Copy a file, synced; it must not be there yet. */
must_check_ int copy_file(int from_fd, const char *from, int to_fd, const char *to, unsigned mode,
                          struct err *e);

/* Count of files and bytes. */
struct copy_sum {
    int64_t count, bytes;
};

/* Call `each` for the blobs of more than min_bytes with references, in the order of their rows. */
must_check_ int copy_each_blob(struct store *s, int64_t min_bytes,
                               int (*each)(void *ctx, struct store *s, const struct blob *b,
                                           struct err *e),
                               void *ctx, struct err *e);

/* Each blob that `s` refers to and that is a file: copied from one blobs/ to another; what is there
 * already and whole stays. Names are synced by copy_sync_names. */
must_check_ int copy_blobs(struct store *s, int from_fd, int to_fd, struct err *e);
must_check_ int copy_sync_names(int blobs_fd, struct err *e);

/* Compare each blob that `s` refers to, file or not, with its digest. */
must_check_ int copy_check_blobs(struct store *s, struct copy_sum *ret_files, struct err *e);
