/*
 * inner.h - inside schema/ only: what its files need of each other. All of these run inside a
 * transaction that the caller holds.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "sandbox/base/err.h"
#include "schema/db.h"
#include "schema/store.h"

/* ---- migrate.c */

/* Bring the database to the version of this program, or, read-only, see that it is there.
 * ERR_INPUT: it is newer, or not ours. */
must_check_ int migrate_run(struct store *s, struct err *e);
int64_t migrate_latest(void);

/* ---- rejudge.c */

/* Forget up to `limit` calls from before then: they can no longer be repeated. */
must_check_ int rejudge_forget(struct store *s, int64_t before_unix_ms, int64_t limit,
                               struct err *e);

/* ---- restore.c */

/* ERR_BUSY when a process has the database in this directory open. For a process that has not: it
 * would lose its own locks. */
must_check_ int db_check_unused(int dir_fd, const char *data_dir, struct err *e);

/* ---- blob.c */

/* Note one more reference to a stored blob and give its row id; 0 for an absent one. ERR_BUG when
 * it was never put. */
must_check_ int blob_ref(struct store *s, const struct blob *b, int64_t *ret_row, struct err *e);

/* The same, if the row that `b` names is there and is that of its hash. */
must_check_ int blob_ref_row(struct store *s, const struct blob *b, bool *ret_found, struct err *e);

/* Take one reference back; 0 is allowed. */
must_check_ int blob_unref(struct store *s, int64_t row, struct err *e);

/* Read a blob from the next three columns: its row id (null: absent), sha256, bytes. */
void blob_read(struct stmt *q, struct blob *ret);

enum { BLOB_PATH_BYTES = 3 + STORE_HEX_BYTES };

/* Its file below blobs/: "ab/" and the name. */
void blob_path(const uint8_t sha256[STORE_SHA256_BYTES], char ret[BLOB_PATH_BYTES]);

/* Keep all processes from removing files until the store is closed; waits for one that is at it. */
must_check_ int blob_hold(const struct store *s, struct err *e);

/* Whether files may be removed now; then call blob_let_go soon. */
bool blob_may_remove(const struct store *s);
void blob_let_go(const struct store *s);

/* Delete up to `limit` blobs that nothing refers to and that nobody put of late; none while
 * somebody holds them. */
must_check_ int blob_sweep(struct store *s, int64_t limit, int64_t *ret_deleted, struct err *e);

/* Remove files that a program which died left half written. */
void blob_tidy(const struct store *s);

/* ---- stray.c */

/* Outside of any transaction: remove old files that no row names, from some folders, going on where
 * the last call on this connection ended. */
must_check_ int stray_sweep(struct store *s, struct err *e);

/* All folders at least once. */
must_check_ int stray_sweep_all(struct store *s, struct err *e);

/* Call `each` for files without a row that are older than the grace; nonzero stops a folder. */
must_check_ int stray_each(struct store *s, int (*each)(void *ctx, const char *name), void *ctx,
                           struct err *e);

/* ---- submission.c */

/* Store the request (not the queue's row) and give its row number. */
must_check_ int submission_insert(struct store *s, const struct submission *sub, int64_t *ret_seq,
                                  struct err *e);

/* submission_load, and its row number. */
must_check_ int submission_read(struct store *s, const char *id, struct submission *ret,
                                int64_t *ret_seq, bool *ret_found, struct err *e);

/* Forget the request with its references. */
must_check_ int submission_forget(struct store *s, int64_t seq, struct err *e);

/* ---- callback.c */

/* Somebody is to be told that submission `id` has ended. */
must_check_ int callback_insert(struct store *s, const char *id, int64_t seq, int64_t key_id,
                                const char *url, struct err *e);
must_check_ int callback_forget(struct store *s, const char *id, struct err *e);

/* ---- result.c */

must_check_ int result_put_compile(struct store *s, int64_t seq, const char *language_version,
                                   const struct compile_result *r, struct err *e);
must_check_ int result_put_test(struct store *s, int64_t seq, const struct test_result *r,
                                struct err *e);
must_check_ int result_read_compile(struct store *s, int64_t seq, struct compile_result *ret,
                                    char **ret_language_version, struct err *e);

/* Those recorded, by position; the caller frees each and the array. */
must_check_ int result_read_tests(struct store *s, int64_t seq, struct test_result **ret,
                                  size_t *ret_count, struct err *e);

must_check_ int result_read_phases(struct store *s, int64_t seq, struct phases *ret, struct err *e);

/* The cpu time of what an attempt has recorded: its tests, and its compile unless it was cached. */
must_check_ int result_cpu_ns(struct store *s, int64_t seq, int64_t *ret, struct err *e);

/* Forget what an attempt recorded. */
must_check_ int result_forget(struct store *s, int64_t seq, struct err *e);

/* ---- move.c: the queue's rows; what may happen to them is in queue.c's essay */

enum counter {
    COUNTER_QUEUED = 1,
    COUNTER_HELD = 2,
    COUNTER_ENDED = 3, /* submissions that have ended and are there */
    COUNTER_BYTES = 4, /* of blobs that something refers to */
    COUNTER_QUEUED_BYTES = 5,
    COUNTER_PROBE = 99, /* of store_probe */
    COUNTER_VERDICT = 100,
    COUNTER_KEY = 1000000, /* and the key's id: its share of COUNTER_ENDED */
};

must_check_ int counter_add(struct store *s, int64_t id, int64_t by, struct err *e);
must_check_ int counter_get(struct store *s, int64_t id, int64_t *ret, struct err *e);

/* One row of the queue. */
struct live {
    char id[STORE_ID_BYTES];
    int64_t seq;
    enum submission_state state;
    int64_t attempts, started_unix_ms, created_unix_ms, rank;
    int64_t key_id, bytes;
};

#define LIVE_COLUMNS                                                                               \
    "id, seq, state, attempts, started_unix_ms, created_unix_ms, rank, key_id, bytes"

/* Whether a slot holds it. */
bool move_is_held(enum submission_state state);

/* Step `q`, a SELECT of LIVE_COLUMNS. */
must_check_ int move_read(struct stmt *q, struct live *ret, bool *ret_found, struct err *e);

/* The row that `c` holds; *ret_mine false: it holds none any more. */
must_check_ int move_find_held(struct store *s, const struct claim *c, struct live *ret,
                               bool *ret_mine, struct err *e);

/* Check a move of a row against states.def (ERR_BUG) and count it. The row is the caller's to
 * change, and line_moved to be called after that. */
must_check_ int move_note(struct store *s, const struct live *l, enum submission_state to,
                          struct err *e);

/* How a submission ended. */
struct end {
    enum submission_state state; /* DONE or CANCELLED */
    enum verdict verdict;
    const char *message, *isolation_json; /* may be NULL */
    const struct phases *phases;          /* NULL: none */
};

/* End it: out of the queue, with its verdict. */
must_check_ int move_end(struct store *s, const struct live *l, const struct end *end,
                         struct err *e);

/* Back to the queue, or, with its attempts used up, to its end as internal_error. */
must_check_ int move_put_back_or_end(struct store *s, struct live *l, int64_t attempts_max,
                                     const char *message, struct err *e);

/* ---- line.c: turns among keys; the invariants are there */

/* What a key has in the queue and used; a row of key_use. */
struct use {
    int64_t key_id, queued_count, queued_bytes, held_count;
    int64_t cpu_hour, cpu_ns, cpu_before_ns, cpu_total_ns;
    bool in_line;
    int64_t line_rank;
    char line_id[STORE_ID_BYTES];
    int64_t ready_unix_ms; /* 0: it does not rest */
};

/* All 0 for a key that never submitted. */
must_check_ int line_load(struct store *s, int64_t key_id, struct use *ret, struct err *e);

/* The quotas that hold for a key. */
must_check_ int line_quotas(struct store *s, int64_t key_id, struct quotas *ret, struct err *e);

/* Cpu time in the last sixty minutes; and for how long it will be `quota_s` or more, 0: it is not.
 */
int64_t line_cpu_ns(const struct use *u, int64_t now_unix_ms);
int64_t line_cpu_wait_ms(const struct use *u, int64_t quota_s, int64_t now_unix_ms);

/* `l` has moved between two states (from NONE: it is new; to an end: it is gone), which is written;
 * `cpu_ns` is what the attempt used that ended with this. */
must_check_ int line_moved(struct store *s, const struct live *l, enum submission_state from,
                           enum submission_state to, int64_t cpu_ns, struct err *e);

/* Make a key's place anew: its quotas have changed. */
must_check_ int line_renew(struct store *s, int64_t key_id, struct err *e);

/* The first in line. */
must_check_ int line_first(struct store *s, struct live *ret, bool *ret_found, struct err *e);

/* Without the write lock: is anybody in line, and does a key rest that need not any more; and those
 * back into line, in a transaction of its own. */
must_check_ int line_look(struct store *s, bool *ret_waiting, bool *ret_rested, struct err *e);
must_check_ int line_wake(struct store *s, struct err *e);

/* ---- admit.c */

/* What a submission counts with against the bounds of the queue: all that was sent with it. */
int64_t admit_bytes(const struct submission *sub);

/* ---- key.c */

/* The next columns, in the order of quotas.def; null: unset. */
void key_read_quotas(struct stmt *q, struct quotas *ret);
