/*
 * store.h - everything Minos remembers, as typed records: blobs, submissions, the queue, results,
 * languages, keys.
 *
 * The one door to the database: nothing outside schema/ sees SQL, and nothing here is special to
 * SQLite, so that a server-based backend that many machines share can take its place. A `struct
 * store` is one connection for one thread.
 *
 * Writing: each function below that changes something joins the transaction that store_begin opened
 * on this connection, or makes a durable one of its own. Errors: ERR_BUSY (locked for too long,
 * queue full), ERR_SYS (disk, corruption), ERR_INPUT (named where it can happen).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sandbox/base/buf.h"
#include "sandbox/base/err.h"
#include "sandbox/base/limits.h"
#include "sandbox/base/quotas.h"
#include "schema/verdict.h"

struct store;

enum {
    STORE_ID_BYTES = 27, /* 26 characters of Crockford base 32 (a ULID: 48 bits of ms, 20 of ns
                            within it, 60 random), and NUL */
    STORE_SHA256_BYTES = 32,
    STORE_HEX_BYTES = 65, /* SHA-256 as lower-case hex, and NUL */
};

struct store_options {
    const char *data_dir; /* made (0700) when missing, with blobs/ artifacts/ run/ below */
    bool read_only;
    bool any_version;            /* with read_only: take an older database as it is */
    int64_t busy_timeout_ms;     /* 0: 10 s */
    int64_t queue_count_max;     /* queue_accept gives ERR_BUSY above it; 0: no bound */
    int64_t queue_bytes_max;     /* the same for the bytes of what waits */
    const struct quotas *quotas; /* of keys that have none of their own; NULL: the shipped ones */
    int64_t blob_grace_ms;       /* store_prune spares blobs that were put this lately; 0: 1 h */
};

/* Open (and migrate, unless read_only). ERR_INPUT when the database is newer than this program, or
 * a restore into the directory did not end. */
must_check_ int store_open(const struct store_options *opt, struct store **ret, struct err *e);
void store_close(struct store *s);

enum store_durability {
    STORE_DURABLE, /* committed means on disk */
    STORE_RELAXED, /* survives a crash of the program, perhaps not of the machine: for what can be
                      redone */
};

must_check_ int store_begin(struct store *s, enum store_durability d, struct err *e);
/* The same for who cannot wait long: ERR_BUSY when others write for more than `patience_ms`, as
 * after busy_timeout_ms there; 0: that long here, too. */
must_check_ int store_begin_within(struct store *s, enum store_durability d, int64_t patience_ms,
                                   struct err *e);
must_check_ int store_commit(struct store *s, struct err *e);
void store_rollback(struct store *s); /* no-op without a transaction */

/* Move what the write-ahead log holds into the database, without waiting for anybody. Idle slots do
 * so by themselves in queue_claim; a server may, off its latency path. Not inside a transaction. */
must_check_ int store_checkpoint(struct store *s, struct err *e);

/* Whether the store can be written now: a durable transaction that changes nothing that
 * anybody reads. ERR_SYS says
 * why it cannot. Not inside a transaction. */
must_check_ int store_probe(struct store *s, struct err *e);

/* ---- ids and hashes */

void store_new_id(char ret_id[STORE_ID_BYTES]); /* time-ordered and unguessable; from the
                                                clock and getrandom(2), so any thread may ask */
bool store_id_valid(const char *id);
void store_id_at(int64_t unix_ms, char ret_id[STORE_ID_BYTES]); /* below all ids of this instant
                                                                  and after, above all earlier */
void store_sha256(const void *data, size_t len, uint8_t ret[STORE_SHA256_BYTES]);
void store_hex(const uint8_t hash[STORE_SHA256_BYTES], char ret[STORE_HEX_BYTES]);
bool store_unhex(const char *hex, uint8_t ret[STORE_SHA256_BYTES]); /* false: no such text */

/* Incremental hash, for keys made of many parts. */
struct store_hash;
struct store_hash *store_hash_new(void);
void store_hash_add(struct store_hash *h, const void *data, size_t len);
void store_hash_end(struct store_hash *h, uint8_t ret[STORE_SHA256_BYTES]); /* frees h */

/* ---- blobs: bytes by their SHA-256 */

struct blob {
    bool present; /* false: there is none (no expected output, say), the rest is 0 */
    uint8_t sha256[STORE_SHA256_BYTES];
    int64_t bytes;
    int64_t row; /* the store's own shortcut, 0: unknown; never shown, never compared */
};

/* Store bytes (once, if they are large or were given of late). Small ones live in the database,
 * others in files. */
must_check_ int blob_put(struct store *s, const void *data, size_t len, struct blob *ret,
                         struct err *e);

/* blob_put in two steps, so that what is slow (the hash, and the file of large bytes, synced) does
 * not happen inside a transaction that others wait for: blob_stage takes part in none and may run
 * in any thread, on a store that another thread uses; blob_put_staged, given what it returned and
 * the same bytes, does the rest. Staged bytes that are never put are waste until store_prune
 * finds them. */
must_check_ int blob_stage(const struct store *s, const void *data, size_t len, struct blob *ret,
                           struct err *e);
must_check_ int blob_put_staged(struct store *s, struct blob *staged, const void *data,
                                struct err *e);

/* Append a blob's bytes to b. ERR_SYS when missing. */
must_check_ int blob_get(struct store *s, const struct blob *blob, struct buf *b, struct err *e);

/* A read-only descriptor at offset 0 with the blob's bytes (a file, or a sealed memfd): stdin of a
 * program. */
must_check_ int blob_open(struct store *s, const struct blob *blob, int *ret_fd, struct err *e);

/* ---- submissions */

/* queued -> claimed -> compiling -> running -> done; queued, claimed, compiling, running ->
 * cancelled; a lost lease: claimed, compiling, running -> queued. queue.c has the diagram; the
 * numbers are stored. */
#define SUBMISSION_STATES(X)                                                                       \
    X(QUEUED, "queued")                                                                            \
    X(CLAIMED, "claimed")                                                                          \
    X(COMPILING, "compiling")                                                                      \
    X(RUNNING, "running")                                                                          \
    X(DONE, "done")                                                                                \
    X(CANCELLED, "cancelled")

enum submission_state {
    SUBMISSION_NONE = 0,
#define X(id, name) SUBMISSION_##id,
    SUBMISSION_STATES(X)
#undef X
};

const char *submission_state_name(enum submission_state s);
enum submission_state
submission_state_from_name(const char *name); /* SUBMISSION_NONE when unknown */

enum comparer_type { COMPARER_LINES = 1, COMPARER_EXACT, COMPARER_TOKENS, COMPARER_FLOATS };

const char *comparer_type_name(enum comparer_type t);         /* "lines" ... */
enum comparer_type comparer_type_from_name(const char *name); /* 0 when unknown */

struct comparer {
    enum comparer_type type;
    double absolute, relative; /* floats: accepted when within either; >= 0 */
    bool case_sensitive;       /* tokens, lines; default true */
};

struct source_file {
    char *name;
    struct blob content;
};

struct test_spec {
    char *name;                  /* shown in results; "1", "2" ... when the client gave none */
    struct blob stdin_blob;      /* absent: empty input */
    struct blob expected_output; /* absent: not compared, a clean end is accepted */
    struct limits limits;        /* resolved: defaults, submission, test */
};

/* What was asked; never changes after it is accepted. */
struct submission {
    char id[STORE_ID_BYTES];
    int64_t key_id;            /* api_key that submitted it; 0: anonymous */
    char *language;            /* id of a language */
    char *entry_point;         /* NULL: the language's default file */
    struct source_file *files; /* at least one */
    size_t file_count;
    struct test_spec *tests; /* at least one */
    size_t test_count;
    struct comparer comparer;
    bool stop_on_failure;
    int64_t priority;      /* -100 (bulk) .. 100 (urgent), 0 by default */
    char *metadata_json;   /* the client's object as JSON text, NULL when none */
    char *idempotency_key; /* NULL when none; unique for each key_id */
    char *callback_url;    /* who is told of its end, see callback.h; NULL when nobody */
    uint8_t request_sha256[STORE_SHA256_BYTES]; /* of the request body, to tell a repeat from a
                                                   conflict */
    char rejudge_of[STORE_ID_BYTES]; /* the submission that this one repeats, "": none; read-only */
    /* status, read-only for callers */
    enum submission_state state;
    enum verdict verdict;
    int64_t created_unix_ms, started_unix_ms, finished_unix_ms; /* 0: not yet */
    int64_t attempts;
    /* set by queue_admit and queue_accept when they give ERR_BUSY: the key's quota that is used up
     * (NONE: the queue as a whole is full), and when to come again */
    enum quota refused;
    int64_t retry_ms;
    bool admitted; /* by queue_admit: queue_accept does not look again */
};

void submission_done(struct submission *s); /* frees what it holds, not s itself */

/* What queue_accept would refuse, found out before anything is written, such as the bytes of the
 * request; *ret_existing as there. Inside the transaction that queue_accept follows in. */
must_check_ int queue_admit(struct store *s, struct submission *sub,
                            char ret_existing[STORE_ID_BYTES], struct err *e);

/* Store it as queued; fills s->created_unix_ms and state. s->id must be set (store_new_id).
 * When its idempotency_key is known already: with the same request_sha256 *ret_existing gets that
 * id, nothing is stored and 0 is returned; with another, ERR_INPUT "idempotency_key: ...". Else
 * *ret_existing is "". ERR_BUSY: the queue is full, or a quota of the key is used up. ERR_INPUT:
 * the priority is more than the key may ask for. */
must_check_ int queue_accept(struct store *s, struct submission *sub,
                             char ret_existing[STORE_ID_BYTES], struct err *e);

/* The whole record. *ret_found false when there is none. The caller calls submission_done. */
must_check_ int submission_load(struct store *s, const char *id, struct submission *ret,
                                bool *ret_found, struct err *e);

/* What somebody who waits asks for again and again: one step into an index or two, no blobs. */
struct submission_status {
    int64_t key_id;
    enum submission_state state;
    enum verdict verdict; /* NONE until it has ended */
};

/* *ret_found false when there is no such submission, or `id` is none. */
must_check_ int submission_status(struct store *s, const char *id, struct submission_status *ret,
                                  bool *ret_found, struct err *e);

/* ---- results */

/* Head and tail of an output, as kept. */
struct kept_output {
    struct blob blob;   /* what is kept: head, then tail */
    int64_t bytes;      /* what was written in all */
    int64_t head_bytes; /* where in the blob the tail begins; == blob.bytes when nothing was cut */
    bool truncated;
};

struct usage {
    int64_t cpu_time_ns, user_time_ns, system_time_ns, wall_time_ns;
    int64_t memory_peak_bytes, memory_nocache_bytes; /* the latter -1 where unknown */
    int64_t process_peak_count;                      /* -1 where unknown */
};

/* How the cpu times of several runs of one test lay. */
struct runs_spread {
    int64_t count; /* 0: it was run once, and the rest is 0 */
    int64_t cpu_time_min_ns, cpu_time_median_ns, cpu_time_max_ns;
};

struct test_result {
    int64_t index; /* from 0 */
    enum verdict verdict;
    char *cause;       /* box_cause_name, "none" when it ended by itself */
    int64_t exit_code; /* -1: none */
    int64_t signal;    /* 0: none */
    struct usage usage;
    struct runs_spread runs;
    struct kept_output stdout_kept, stderr_kept;
    char
        *message; /* for people: where the outputs differ, which call was refused...; may be NULL */
};

void test_result_done(struct test_result *t);

struct compile_result {
    bool present;         /* false: the language has no compile step */
    enum verdict verdict; /* accepted or compile_error (internal_error never stands here) */
    char *cause;
    int64_t exit_code, signal;
    bool cached;
    struct usage usage;
    struct kept_output output; /* diagnostics: stdout and stderr of the compiler, interleaved */
};

void compile_result_done(struct compile_result *c);

/* Where the time of the attempt that ended a submission went. What is not a program's own time is
 * prepare (before it) or collect (after it), so that the four add up to the time from the claim to
 * the record. */
struct phases {
    bool present;       /* false: it ended without a judge's verdict, the rest is 0 */
    int64_t prepare_ns; /* inputs, looking for artifacts, cells until their programs start */
    int64_t compile_ns; /* wall time of the compiler; 0: none, or its artifact was found */
    int64_t run_ns;     /* wall time of all tests */
    int64_t collect_ns; /* what the compiler left, comparing to the end, recording */
};

/* ---- the queue */

struct claim {
    char id[STORE_ID_BYTES];
    int64_t fence;   /* grows with each claim of this submission; every later write must carry it */
    int64_t attempt; /* from 1 */
};

/* Take the next submission: of each key its first (by priority plus one point a minute of waiting,
 * then first come first served), and of these the one that has waited longest for its key's turn,
 * priority added likewise; keys that have their concurrent_count or used their cpu time have no
 * turn. line.c has the rule. Leases that have run out are put back first (or ended as
 * internal_error when `attempts_max` claims are used up). *ret_found false: nothing is waiting.
 * `owner` names the slot for operators. */
must_check_ int queue_claim(struct store *s, const char *owner, int64_t lease_ms,
                            int64_t attempts_max, struct claim *ret, bool *ret_found,
                            struct err *e);

/* How many are queued: cheap, and as good as a hint. */
must_check_ int queue_waiting(struct store *s, int64_t *ret_count, struct err *e);

/* From now on queue_claim calls `moved` for each submission that it put back or ended because its
 * holder was lost, once that is committed, in its own thread: whoever waits for one wants to hear
 * of it. queue_claim must then not be called inside a transaction. */
void queue_on_moved(struct store *s, void (*moved)(void *ctx, const char *id), void *ctx);

/* The functions below answer *ret_mine false, and change nothing, when the claim is no longer
 * valid: its lease was lost and taken by another, or the submission was cancelled. The holder then
 * stops and discards. */

/* Extend the lease. */
must_check_ int queue_renew(struct store *s, const struct claim *c, int64_t lease_ms,
                            bool *ret_mine, struct err *e);

/* Move to COMPILING or RUNNING (relaxed durability). */
must_check_ int queue_advance(struct store *s, const struct claim *c, enum submission_state state,
                              bool *ret_mine, struct err *e);

/* What an attempt has come to since it was last recorded. */
struct attempt {
    const struct compile_result *compile; /* NULL: nothing new */
    const char *language_version;         /* as used; goes with the compile */
    const struct test_result *const *tests;
    size_t test_count;
    bool runs;                            /* the tests have begun: state RUNNING */
    enum verdict verdict;                 /* NONE: it goes on, and the rest does not count */
    const char *message, *isolation_json; /* as queue_finish says */
    const struct phases *phases;          /* NULL: unknown */
};

/* Record it, in one transaction: relaxed (written anew if the attempt is repeated) or, with a
 * verdict, as durable as queue_finish. The same compile or test again replaces the first. */
must_check_ int queue_record(struct store *s, const struct claim *c, const struct attempt *a,
                             bool *ret_mine, struct err *e);

/* End it, durably: state DONE, with its verdict. Tests without a record become skipped.
 * `isolation_json` is what the cells ran under. */
must_check_ int queue_finish(struct store *s, const struct claim *c, enum verdict v,
                             const char *message, const char *isolation_json, bool *ret_mine,
                             struct err *e);

/* The judge failed: put it back, or end it as internal_error with `message` when attempts_max is
 * used up. With QUEUE_UNCOUNTED nobody failed, the slot stops in good order: this attempt does not
 * count, and the submission is put back in any case. */
#define QUEUE_UNCOUNTED INT64_MAX
must_check_ int queue_give_back(struct store *s, const struct claim *c, int64_t attempts_max,
                                const char *message, bool *ret_mine, struct err *e);

enum cancel_answer {
    CANCEL_NOT_FOUND,
    CANCEL_DONE_ALREADY,
    CANCEL_CANCELLED_ALREADY,
    CANCEL_CANCELLED
};

/* Cancel, queued or running: after CANCEL_CANCELLED it can never get another verdict. Durable. */
must_check_ int queue_cancel(struct store *s, const char *id, enum cancel_answer *ret,
                             struct err *e);

struct queue_stats {
    int64_t queued_count, running_count, oldest_queued_unix_ms; /* 0 when none */
    int64_t queued_bytes;
    int64_t first_in_line_unix_ms;  /* acceptance of the one that is next; 0: none may be claimed */
    int64_t next_lease_end_unix_ms; /* 0 when none is held */
};
must_check_ int queue_stats(struct store *s, struct queue_stats *ret, struct err *e);

/* From now on these are the quotas of keys that have none of their own: for this store. */
void store_set_quotas(struct store *s, const struct quotas *defaults);

/* The same, and those that wait are judged by them. On an error they may be so in part; call it
 * again with the old ones. */
must_check_ int queue_set_quotas(struct store *s, const struct quotas *defaults, struct err *e);

/* ---- reading */

struct submission_report {
    struct submission sub;
    char *language_version; /* NULL until compiled or run */
    struct compile_result compile;
    struct test_result *results; /* those recorded so far, by index */
    size_t result_count;
    char *message;        /* for internal_error and the like; NULL */
    char *isolation_json; /* NULL until done */
    struct phases phases; /* not present until done */
};

/* With everything a GET shows, blobs excepted. */
must_check_ int report_load(struct store *s, const char *id, struct submission_report *ret,
                            bool *ret_found, struct err *e);
void report_done(struct submission_report *r);

/* When things happened to a submission that has ended: what there is to count of it. */
struct submission_times {
    int64_t created_unix_ms, started_unix_ms, finished_unix_ms; /* 0: never */
    struct phases phases;
    bool compiled; /* a compiler ran: what it left was not found */
};

must_check_ int report_times(struct store *s, const char *id, struct submission_times *ret,
                             bool *ret_found, struct err *e);

struct submission_filter {
    int64_t key_id;              /* -1: any */
    enum submission_state state; /* NONE: any */
    enum verdict verdict;        /* NONE: any */
    const char *language;        /* NULL: any */
    const char *rejudge_of;      /* NULL: any; else those that repeat this one */
    const char *before_id;       /* newest first, ids below this one; NULL: from the newest */
    int64_t limit;               /* 1..1000 */
};

struct submission_row { /* what a list shows */
    char id[STORE_ID_BYTES], rejudge_of[STORE_ID_BYTES];
    int64_t key_id;
    char *language, *language_version, *metadata_json;
    enum submission_state state;
    enum verdict verdict;
    int64_t priority, created_unix_ms, started_unix_ms, finished_unix_ms, attempts, test_count;
};

must_check_ int submission_list(struct store *s, const struct submission_filter *f,
                                struct submission_row **ret, size_t *ret_count, struct err *e);
void submission_rows_free(struct submission_row *rows, size_t count);

struct verdict_counts {
    int64_t by_verdict[VERDICT_COUNT]; /* finished submissions since the database was made */
};
must_check_ int verdict_counts(struct store *s, struct verdict_counts *ret, struct err *e);

/* ---- languages: what the worker found at start */

struct language_record {
    char *id, *name, *version; /* "cpp17", "C++17", "12.2.0"; version NULL when not available */
    bool available;
    char *package;     /* what to install when it is not */
    char *source_file; /* default file name, "main.cpp" */
    char *detail_json; /* commands, limits factors: shown by /v1/languages; may be NULL */
};

must_check_ int languages_replace(struct store *s, const struct language_record *rows, size_t count,
                                  struct err *e);
must_check_ int languages_load(struct store *s, struct language_record **ret, size_t *ret_count,
                               struct err *e);
void languages_free(struct language_record *rows, size_t count);

/* ---- API keys */

enum key_scope { KEY_SUBMIT = 1, KEY_READ = 2, KEY_ADMIN = 4 };

struct api_key {
    int64_t id;
    char *name;
    unsigned scopes;
    int64_t created_unix_ms, revoked_unix_ms; /* 0: not revoked */
    struct quotas quotas;                     /* its own; QUOTA_UNSET: the configuration's */
};

/* What a key has in the queue, and the cpu time of its programs. */
struct key_use {
    int64_t key_id; /* 0: without a key */
    int64_t queued_count, queued_bytes, running_count;
    int64_t cpu_hour_ns, cpu_total_ns; /* in the last sixty minutes; since the store was made */
    int64_t cpu_wait_ms;               /* until it has cpu time again, 0: it has */
};

/* Make a key: *ret_secret ("mns_" and 43 characters of base64url, 256 random bits; freed by the
 * caller) is shown once; its SHA-256 is stored. */
must_check_ int key_new(struct store *s, const char *name, unsigned scopes,
                        const struct quotas *quotas, struct api_key *ret, char **ret_secret,
                        struct err *e); /* quotas NULL: none of its own */
must_check_ int key_find(struct store *s, const char *secret, struct api_key *ret, bool *ret_found,
                         struct err *e); /* not revoked */
must_check_ int key_list(struct store *s, struct api_key **ret, size_t *ret_count, struct err *e);
/* Its name and quotas as in `k`, whose other fields are ignored. ret_found false: there is none, or
 * it was revoked. Durable. */
must_check_ int key_set(struct store *s, const struct api_key *k, bool *ret_found, struct err *e);

/* Zeros for a key that never submitted. `key_use_list`: those that have, by key_id; the caller
 * frees. */
must_check_ int key_use_get(struct store *s, int64_t key_id, struct key_use *ret, struct err *e);
must_check_ int key_use_list(struct store *s, struct key_use **ret, size_t *ret_count,
                             struct err *e);
must_check_ int key_get(struct store *s, int64_t id, struct api_key *ret, bool *ret_found,
                        struct err *e); /* not revoked */
must_check_ int key_revoke(struct store *s, int64_t id, bool *ret_found, struct err *e);
void api_key_done(struct api_key *k);
void api_keys_free(struct api_key *keys, size_t count);

/* ---- housekeeping */

/* How much of what has ended is kept; 0: no such bound. */
struct retention {
    int64_t before_unix_ms; /* what ended before then goes */
    int64_t count_max;      /* submissions that have ended */
    int64_t key_count_max;  /* those of one key */
    int64_t bytes_max; /* of blobs that submissions refer to, each once; those that live, too */
};

/* Delete, oldest first, a bounded number of finished submissions beyond the bounds, and of blobs
 * that nobody needs any more; call it from time to time also without bounds. *ret_more: there is
 * more to do now. Not inside a transaction. */
must_check_ int store_retain(struct store *s, const struct retention *r, int64_t *ret_deleted,
                             bool *ret_more, struct err *e);

/* store_retain by age alone, at once until up to `limit` submissions are gone. While *ret_deleted
 * is `limit` there is more to do. */
must_check_ int store_prune(struct store *s, int64_t before_unix_ms, int64_t limit,
                            int64_t *ret_deleted, struct err *e);
