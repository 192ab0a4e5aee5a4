/*
 * artifact.h - what compiles left, kept by the hash of everything that went in: DATA/artifacts/.
 *
 *   <64 hex>/       the files, laid read-only under /box of each test's cell
 *   <64 hex>.meta   one line of JSON, then the diagnostics; its existence makes the entry valid
 *
 * Invariants: an entry is written under a temporary name, synced and renamed, the files before the
 * meta, so that a crash leaves either a whole entry or garbage that artifact_sweep removes. Whoever
 * uses an entry holds a shared flock on its meta; the evictor takes what it can lock exclusively,
 * least recently used first, meta before files.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "sandbox/base/buf.h"
#include <sys/types.h>

#include "sandbox/base/err.h"
#include "sandbox/box.h"
#include "schema/store.h"

struct artifact_cache;

/* An entry in use. */
struct artifact {
    char hex[STORE_HEX_BYTES]; /* its name, "" when there is none */
    int lock_fd;               /* keeps it from being evicted; -1: none */
    bool has_files;            /* false: nothing was kept (a syntax check, an error) */
};

#define ARTIFACT_NONE ((struct artifact){ .lock_fd = -1 })

/* Open DATA/artifacts (made when missing), which may hold up to max_bytes. */
must_check_ int artifact_cache_open(const char *data_dir, int64_t max_bytes,
                                    struct artifact_cache **ret, struct err *e);
void artifact_cache_close(struct artifact_cache *c);

/* Remove what a crash left half-written. Only while no slot of this data directory runs. */
must_check_ int artifact_sweep(struct artifact_cache *c, struct err *e);

/* Remove what a slot that has died left half-written, while others run. */
must_check_ int artifact_sweep_slot(struct artifact_cache *c, pid_t pid, struct err *e);

/* Look `hex` up: on a hit *ret_found is true, *ret is in use (artifact_done ends that), the
 * compile's result is in *ret_result (with cached true, without its output) and its diagnostics
 * are appended to `diagnostics`. A damaged entry is removed and not found. */
must_check_ int artifact_find(struct artifact_cache *c, const char *hex, struct artifact *ret,
                              struct compile_result *ret_result, struct buf *diagnostics,
                              bool *ret_found, struct err *e);

/* Keep a compile's files (copied from their descriptors) and result, and use it. When another slot
 * was faster, its entry is used. Evicts when the cache has grown too large. */
must_check_ int artifact_put(struct artifact_cache *c, const char *hex,
                             const struct box_collected *files, size_t count,
                             const struct compile_result *result, const struct buf *diagnostics,
                             struct artifact *ret, struct err *e);
void artifact_done(struct artifact *a);

/* Whether an entry in use has a file or directory of that name at its top. */
bool artifact_has(const struct artifact_cache *c, const struct artifact *a, const char *name);

/* Have its files read into the page cache, as far as that goes without waiting. */
void artifact_read_ahead(const struct artifact_cache *c, const struct artifact *a);

/* Remove least recently used entries until at most max_bytes remain. */
must_check_ int artifact_evict(struct artifact_cache *c, int64_t max_bytes, struct err *e);
