/* test_migrate.c - databases of every version that was released are brought forward with what is
 * in them, or stay as they are. old/vN.sql are dumps of such databases: a version that is released
 * leaves one there. */
#include "tests/unit/schema/unit.h"

#include <signal.h>

#include "schema/fsck.h"
#include "schema/inner.h"

enum { KILLS = 8 };

/* Those with a dump, and how many have ended there when all that waits has been judged. */
static const struct {
    int version, ended;
} olds[] = { { 1, 6 }, { 2, 6 }, { 7, 8 } };

#define WRONG "01M8C0867YTXYQABMVRX5Z3KBV"     /* wrong_answer, two tests, an idempotency key */
#define BROKEN "01M8C086KWTY3FH4SR244WNMVK"    /* compile_error */
#define RIGHT "01M8C086Q4VE33J4FDQZPT77QH"     /* accepted */
#define HELD "01M8C086TJQJBMMNTQK5JRYG4B"      /* was held by a slot */
#define WAITING "01M8C086W6TKRW68ADFGVA05Y9"   /* waited */
#define CANCELLED "01M8C086XNV3YA804DJP3442DQ" /* cancelled */

static void load_dump(const char *dir, int version)
{
    struct err e;
    auto_buf_ struct buf sql = { 0 };
    auto_free_ char *from = xasprintf("tests/unit/schema/old/v%d.sql", version);
    auto_free_ char *path = xasprintf("%s/%s", dir, DB_FILE_NAME);
    auto_free_ char *blobs = xasprintf("%s/blobs", dir);
    sqlite3 *db = NULL;
    ck_ok(io_read_file(AT_FDCWD, from, 1 << 20, &sql, &e));
    ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
    ck_assert_msg(sqlite3_exec(db, buf_text(&sql), NULL, NULL, NULL) == SQLITE_OK, "%s: %s", from,
                  sqlite3_errmsg(db));
    ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
    ck_assert_int_eq(mkdir(blobs, 0700), 0);
}

static struct place place_of_version(int version)
{
    struct place p = place_empty();
    load_dump(p.dir, version);
    return p;
}

static void must_hold(void *ctx, const struct fsck_finding *f)
{
    (void)ctx;
    ck_assert_msg(f->count == 0, "%s: %s: %s", f->check, f->what, f->examples[0]);
}

static void ck_sound(const char *dir)
{
    struct err e;
    struct fsck_totals sum;
    const struct fsck_options opt = { .digests = true };
    ck_ok(fsck_run(dir, &opt, must_hold, NULL, &sum, &e));
}

static void ck_verdict(struct store *s, const char *id, enum verdict v, size_t results)
{
    auto_report_ struct submission_report r = load(s, id);
    ck_assert_int_eq(r.sub.verdict, v);
    ck_assert_uint_eq(r.result_count, results);
    ck_assert_str_eq(r.sub.rejudge_of, "");
}

START_TEST(an_old_database_keeps_what_ended_and_goes_on_with_what_waited)
{
    auto_place_ struct place p = place_of_version(olds[_i].version);
    struct claim c;
    p.s = open_store(&p, (struct store_options){ 0 });
    ck_assert_int_eq(number(p.s, "PRAGMA user_version"), migrate_latest());
    ck_consistent(p.s);
    ck_sound(p.dir);
    ck_verdict(p.s, WRONG, VERDICT_WRONG_ANSWER, 2);
    ck_verdict(p.s, BROKEN, VERDICT_COMPILE_ERROR, 1);
    ck_verdict(p.s, RIGHT, VERDICT_ACCEPTED, 1);
    ck_verdict(p.s, CANCELLED, VERDICT_CANCELLED, 1);
    int64_t later = olds[_i].version >= 7; /* what there was since */
    ck_assert_int_eq(number(p.s, "SELECT count(*) FROM callback WHERE state = 3"), later);
    ck_assert_int_eq(number(p.s, "SELECT count(*) FROM submission WHERE rejudge_of = '" WRONG "'"),
                     later);
    ck_assert_int_eq(number(p.s, "SELECT count(*) FROM api_key WHERE queued_count = 50"), later);
    bool held = false, waiting = false;
    while (claim_one(p.s, &c)) {
        held = held || strcmp(c.id, HELD) == 0;
        waiting = waiting || strcmp(c.id, WAITING) == 0;
        ck_assert(finish(p.s, &c, VERDICT_RUNTIME_ERROR));
    }
    ck_assert(held && waiting);
    ck_assert_int_eq(number(p.s, "SELECT value FROM counter WHERE id = 3"), olds[_i].ended);
    ck_consistent(p.s);
    ck_sound(p.dir);
}
END_TEST

START_TEST(an_old_database_is_not_changed_by_a_reader)
{
    auto_place_ struct place p = place_of_version(olds[_i].version);
    struct err e;
    struct store *s = NULL;
    const struct store_options opt = { .data_dir = p.dir, .read_only = true };
    auto_free_ char *wanted =
        xasprintf("has schema version %d, not %lld", olds[_i].version, (long long)migrate_latest());
    if (olds[_i].version == migrate_latest())
        return; /* it is not old yet */
    ck_fails(store_open(&opt, &s, &e), ERR_INPUT, wanted);
}
END_TEST

START_TEST(a_newer_database_is_refused_and_not_changed)
{
    auto_place_ struct place p = place_of_version(1);
    struct err e;
    struct store *s = NULL;
    auto_free_ char *path = xasprintf("%s/%s", p.dir, DB_FILE_NAME);
    sqlite3 *db = NULL;
    ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
    ck_assert_int_eq(sqlite3_exec(db, "PRAGMA user_version = 999", NULL, NULL, NULL), SQLITE_OK);
    ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
    const struct store_options opt = { .data_dir = p.dir };
    ck_fails(store_open(&opt, &s, &e), ERR_INPUT, "use a newer program");
    ck_assert_has(e.msg, "has schema version 999");
}
END_TEST

static void migrate_once(const char *dir)
{
    struct err e;
    struct store *s = NULL;
    const struct store_options opt = { .data_dir = dir };
    _exit(store_open(&opt, &s, &e) == 0 ? 0 : 1);
}

static pid_t start(const char *dir)
{
    pid_t pid = fork();
    if (pid == 0)
        migrate_once(dir);
    ck_assert_int_gt(pid, 0);
    return pid;
}

static useconds_t time_of_migration(int version)
{
    auto_place_ struct place p = place_of_version(version);
    int status = -1;
    int64_t began_ns = clock_mono_ns();
    pid_t pid = start(p.dir);
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_int_eq(status, 0);
    return (useconds_t)((clock_mono_ns() - began_ns) / 1000);
}

/* Whether the columns and tables of a step are there. */
static void ck_whole_step(sqlite3 *db, int64_t version)
{
    static const struct {
        int64_t version;
        const char *sql;
    } rows[] = {
        { 2, "SELECT collect_ns FROM submission" },
        { 3, "SELECT run_count FROM test_result" },
        { 4, "SELECT rejudge_call FROM submission, rejudge" },
        { 5, "SELECT 1 FROM submission INDEXED BY submission_key_finished WHERE key_id = 1 AND "
             "finished_unix_ms > 1" },
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        bool there = sqlite3_exec(db, rows[i].sql, NULL, NULL, NULL) == SQLITE_OK;
        ck_assert_msg(there == (version >= rows[i].version), "version %lld: %s", (long long)version,
                      rows[i].sql);
    }
}

static int64_t version_of(const char *dir)
{
    auto_free_ char *path = xasprintf("%s/%s", dir, DB_FILE_NAME);
    sqlite3 *db = NULL;
    sqlite3_stmt *q = NULL;
    ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
    ck_assert_int_eq(sqlite3_prepare_v2(db, "PRAGMA user_version", -1, &q, NULL), SQLITE_OK);
    ck_assert_int_eq(sqlite3_step(q), SQLITE_ROW);
    int64_t version = sqlite3_column_int64(q, 0);
    sqlite3_finalize(q);
    ck_whole_step(db, version);
    sqlite3_close(db);
    return version;
}

START_TEST(a_migration_that_is_killed_leaves_whole_steps_and_is_taken_up)
{
    useconds_t whole_us = time_of_migration(olds[_i].version);
    for (int i = 0; i < KILLS; i++) {
        auto_place_ struct place p = place_of_version(olds[_i].version);
        int status = 0;
        pid_t pid = start(p.dir);
        usleep(whole_us * (useconds_t)i / KILLS);
        kill(pid, SIGKILL);
        ck_assert_int_eq(waitpid(pid, &status, 0), pid);
        int64_t version = version_of(p.dir);
        ck_assert(version >= olds[_i].version && version <= migrate_latest());
        p.s = open_store(&p, (struct store_options){ 0 });
        ck_assert_int_eq(number(p.s, "PRAGMA user_version"), migrate_latest());
        ck_verdict(p.s, WRONG, VERDICT_WRONG_ANSWER, 2);
        ck_consistent(p.s);
        ck_sound(p.dir);
    }
}
END_TEST

/* The statements of a step, and then an end: nothing of it is there. */
START_TEST(a_step_that_fails_leaves_nothing_of_itself)
{
    auto_place_ struct place p = place_of_version(1);
    struct err e;
    struct store *s = NULL;
    auto_free_ char *path = xasprintf("%s/%s", p.dir, DB_FILE_NAME);
    sqlite3 *db = NULL;
    ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK); /* the last column of step 2 is taken */
    ck_assert_int_eq(
        sqlite3_exec(db, "ALTER TABLE submission ADD COLUMN collect_ns INTEGER", NULL, NULL, NULL),
        SQLITE_OK);
    const struct store_options opt = { .data_dir = p.dir };
    ck_assert_int_eq(store_open(&opt, &s, &e), -1);
    ck_assert_has(e.msg, "migration 2 (phases)");
    ck_assert_int_ne(sqlite3_exec(db, "SELECT prepare_ns FROM submission", NULL, NULL, NULL),
                     SQLITE_OK);
    ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
}
END_TEST

/* Before a step is added, the last one leaves a dump here: what is in the field may be of it. */
START_TEST(the_newest_version_has_a_dump)
{
    const size_t last = ARRAY_COUNT(olds) - 1;
    auto_free_ char *path = xasprintf("tests/unit/schema/old/v%d.sql", olds[last].version);
    ck_assert_int_eq(access(path, R_OK), 0);
    ck_assert_int_ge(olds[last].version, migrate_latest() - 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("migrate");
    TCase *t = tcase_create("migrate");
    tcase_add_loop_test(t, an_old_database_keeps_what_ended_and_goes_on_with_what_waited, 0,
                        ARRAY_COUNT(olds));
    tcase_add_loop_test(t, an_old_database_is_not_changed_by_a_reader, 0, ARRAY_COUNT(olds));
    tcase_add_test(t, a_newer_database_is_refused_and_not_changed);
    tcase_add_loop_test(t, a_migration_that_is_killed_leaves_whole_steps_and_is_taken_up, 0,
                        ARRAY_COUNT(olds));
    tcase_add_test(t, a_step_that_fails_leaves_nothing_of_itself);
    tcase_add_test(t, the_newest_version_has_a_dump);
    suite_add_tcase(suite, t);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
