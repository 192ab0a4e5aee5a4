/* unit.h - what the tests of the store share: a folder of their own, a store in it, submissions. */
#pragma once

/* libcheck has an enum of the name of our struct. */
#define test_result check_test_result
#include <check.h>
#undef test_result

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sandbox/base/cleanup.h"
#include "sandbox/base/clock.h"
#include "sandbox/base/io.h"
#include "schema/db.h"
#include "schema/store.h"
#include "tests/record.h"
#include "tests/unit/base/unit.h"

/* A test here waits for real disks: libcheck's four seconds are too few on a busy host. */
__attribute__((constructor)) static inline void be_patient(void)
{
    setenv("CK_DEFAULT_TIMEOUT", "60", 0);
}

/* The call succeeds; its message is shown when it does not. Needs a `struct err e` in scope. */
#define ck_ok(call) ck_assert_msg((call) == 0, "%s: %s", #call, e.msg)

/* The call fails with this kind, and its message holds the part. */
#define ck_fails(call, wanted_kind, part)                                                          \
    do {                                                                                           \
        ck_assert_int_eq(call, -1);                                                                \
        ck_assert_msg(e.kind == (wanted_kind), "%s: %s", err_kind_name(e.kind), e.msg);            \
        ck_assert_has(e.msg, part);                                                                \
    } while (0)

/* A text for a field that is char *, since its owner usually frees it. */
#define TEXT(t) ((char[]){ t })

/* ---- a folder and a store */

struct place {
    char dir[64];
    struct store *s;
};

static inline int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st;
    (void)flag;
    (void)ftw;
    return remove(path);
}

static inline void place_done(struct place *p)
{
    store_close(p->s);
    nftw(p->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

#define auto_place_ __attribute__((cleanup(place_done)))

static inline struct place place_empty(void)
{
    struct place p = { .dir = "/tmp/minos-unit-XXXXXX" };
    ck_assert_ptr_nonnull(mkdtemp(p.dir));
    return p;
}

static inline struct store *open_store(const struct place *p, struct store_options opt)
{
    struct err e;
    struct store *s = NULL;
    opt.data_dir = p->dir;
    ck_ok(store_open(&opt, &s, &e));
    return s;
}

static inline struct place place_new(void)
{
    struct place p = place_empty();
    p.s = open_store(&p, (struct store_options){ 0 });
    return p;
}

/* ---- reading the database beside the interface */

static inline int64_t number(struct store *s, const char *sql)
{
    struct err e;
    bool found = false;
    auto_stmt_ struct stmt *q = sql_use_once(s, sql);
    ck_ok(sql_row(q, &found, &e));
    return found ? sql_int(q) : -1;
}

/* What must hold in every database that is at rest: the counters, the references, the states. */
static inline void ck_consistent(struct store *s)
{
    ck_assert_int_eq(number(s, "SELECT count(*) FROM queue WHERE state = 1") -
                         number(s, "SELECT coalesce(sum(value), 0) FROM counter WHERE id = 1"),
                     0);
    ck_assert_int_eq(number(s, "SELECT count(*) FROM queue WHERE state > 1") -
                         number(s, "SELECT coalesce(sum(value), 0) FROM counter WHERE id = 2"),
                     0);
    ck_assert_int_eq(number(s, "SELECT count(*) FROM queue WHERE (state = 1) = "
                               "(lease_end_unix_ms IS NOT NULL)"),
                     0);
    ck_assert_int_eq(number(s, "SELECT count(*) FROM submission s LEFT JOIN queue q ON q.id = s.id "
                               "WHERE (s.state IS NULL) = (q.id IS NULL)"),
                     0);
    ck_assert_int_eq(
        number(s, "SELECT count(*) FROM key_use u WHERE "
                  "queued_count <> (SELECT count(*) FROM queue q WHERE q.key_id = u.key_id "
                  "AND state = 1) OR held_count <> (SELECT count(*) FROM queue q "
                  "WHERE q.key_id = u.key_id AND state > 1) OR queued_bytes <> "
                  "(SELECT coalesce(sum(bytes), 0) FROM queue q WHERE q.key_id = u.key_id "
                  "AND state = 1)"),
        0);
    ck_assert_int_eq(number(s, "SELECT count(*) FROM key_use u WHERE line_id IS NOT NULL AND "
                               "line_id IS NOT (SELECT id FROM queue q WHERE q.key_id = u.key_id "
                               "AND state = 1 ORDER BY rank, id LIMIT 1)"),
                     0);
    ck_assert_int_eq(number(s, "SELECT coalesce((SELECT value FROM counter WHERE id = 5), 0) - "
                               "(SELECT coalesce(sum(bytes), 0) FROM queue WHERE state = 1)"),
                     0);
    ck_assert_int_eq(
        number(s, "WITH r(b) AS (SELECT content_blob FROM source_file "
                  "UNION ALL SELECT stdin_blob FROM test UNION ALL SELECT expected_blob FROM test "
                  "UNION ALL SELECT isolation_blob FROM submission "
                  "UNION ALL SELECT output_blob FROM compile_result "
                  "UNION ALL SELECT stdout_blob FROM test_result "
                  "UNION ALL SELECT stderr_blob FROM test_result) "
                  "SELECT count(*) FROM blob WHERE refs <> (SELECT count(*) FROM r WHERE b = id)"),
        0);
}

/* ---- submissions */

static inline struct blob put(struct store *s, const char *text)
{
    struct err e;
    struct blob b;
    ck_ok(blob_put(s, text, strlen(text), &b, &e));
    return b;
}

/* A request of one file and `test_count` tests; freed by submission_done. */
static inline struct submission request(struct store *s, size_t test_count)
{
    struct submission sub = {
        .language = xstrdup("c"),
        .files = xcalloc(1, sizeof(struct source_file)),
        .file_count = 1,
        .tests = xcalloc(test_count, sizeof(struct test_spec)),
        .test_count = test_count,
        .comparer = { .type = COMPARER_LINES, .case_sensitive = true },
    };
    store_new_id(sub.id);
    sub.files[0] = (struct source_file){ xstrdup("main.c"), put(s, "int main(void) {}") };
    for (size_t i = 0; i < test_count; i++)
        sub.tests[i] = (struct test_spec){ .name = xasprintf("%zu", i + 1),
                                           .stdin_blob = put(s, "1 2\n"),
                                           .limits = limits_run_defaults() };
    return sub;
}

#define auto_submission_ __attribute__((cleanup(submission_done)))

static inline void accept_it(struct store *s, struct submission *sub)
{
    struct err e;
    char existing[STORE_ID_BYTES];
    ck_ok(queue_accept(s, sub, existing, &e));
    ck_assert_str_eq(existing, "");
}

/* Accept one with a priority; its id. */
static inline void accept_one(struct store *s, int64_t priority, char ret_id[STORE_ID_BYTES])
{
    auto_submission_ struct submission sub = request(s, 1);
    sub.priority = priority;
    accept_it(s, &sub);
    memcpy(ret_id, sub.id, STORE_ID_BYTES);
}

static inline bool claim_with(struct store *s, int64_t lease_ms, int64_t attempts_max,
                              struct claim *ret)
{
    struct err e;
    bool found = false;
    ck_ok(queue_claim(s, "slot 0", lease_ms, attempts_max, ret, &found, &e));
    return found;
}

static inline bool claim_one(struct store *s, struct claim *ret)
{
    return claim_with(s, 30000, 3, ret);
}

static inline bool finish(struct store *s, const struct claim *c, enum verdict v)
{
    struct err e;
    bool mine = false;
    ck_ok(queue_finish(s, c, v, NULL, "{\"mode\":\"root\"}", &mine, &e));
    return mine;
}

static inline struct submission_report load(struct store *s, const char *id)
{
    struct err e;
    struct submission_report r;
    bool found = false;
    ck_ok(report_load(s, id, &r, &found, &e));
    ck_assert(found);
    return r;
}

#define auto_report_ __attribute__((cleanup(report_done)))
