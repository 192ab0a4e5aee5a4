/*
 * backup.h - a copy of everything that a store remembers, made while others write, and the way
 * back.
 *
 * A backup is a directory like a data directory: minos.db, blobs/, admin.key where there is one,
 * and a manifest, which is written last: without it a backup is not complete. Each function here
 * opens what it needs by itself, in its own process: never call one beside an open store of the
 * same directory.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "sandbox/base/err.h"
#include "schema/store.h"

struct backup_summary {
    int64_t schema_version;
    int64_t created_unix_ms; /* when the backup was begun */
    int64_t submission_count;
    int64_t file_count, file_bytes; /* of blobs that are files */
    int64_t database_bytes;
    uint8_t database_sha256[STORE_SHA256_BYTES];
};

/* Copy the store at `data_dir` into the empty directory `dir`: one moment of the database, and each
 * blob that it refers to. Others go on reading and writing; blobs are not removed meanwhile. All of
 * it is read back and compared before the manifest is written. ERR_INPUT: there is no store, or
 * `dir` is not an empty directory. */
must_check_ int backup_make(const char *data_dir, const char *dir, struct backup_summary *ret,
                            struct err *e);

/* Read a whole backup and compare it with its manifest and its digests. ERR_INPUT: it is none, not
 * complete, damaged, or newer than this program. */
must_check_ int backup_verify(const char *dir, struct backup_summary *ret, struct err *e);

/* backup_verify, then put it into `data_dir` (which must exist): blobs first, the database last and
 * under its name only when all of it was read back. One that is interrupted is taken up again by
 * the next; until then store_open refuses the directory. ERR_INPUT: there is a database already,
 * unless `replace`, which keeps the old one as minos.db.replaced; ERR_BUSY: somebody has it open.
 */
must_check_ int backup_restore(const char *dir, const char *data_dir, bool replace,
                               struct backup_summary *ret, struct err *e);
