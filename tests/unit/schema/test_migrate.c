/* test_migrate.c - databases of every version that was released are brought forward with what is
 * in them; one process. */
#include "tests/unit/schema/unit.h"

#include "schema/inner.h"

#define SQL(...) #__VA_ARGS__,
static const char *const version_1[] = {
#include "schema/migrations/0001-first.def"
};
#undef SQL

/* Made with minos 0.1.0: two submissions that had ended and one that waited. */
static const char *const rows_1[] = {
    "INSERT INTO blob VALUES (1, 1, zeroblob(32), 1, 3, 0)",
    "INSERT INTO blob_data VALUES (1, x'78')",
    "INSERT INTO submission VALUES (1, '01M80XWCPED8030683HJSKDAY0', 1, 'c17', NULL, 1, 0, 0, 1, "
    "0, 0, NULL, NULL, zeroblob(32), 1, 1000, 5, 1, 2000, 3000, 1, NULL, NULL)",
    "INSERT INTO submission VALUES (2, '01M80XWCPED8030683HJSKDAY1', 1, 'c17', NULL, 1, 0, 0, 1, "
    "0, 0, NULL, NULL, zeroblob(32), 1, 1000, 6, 13, NULL, 3000, 0, NULL, NULL)",
    "INSERT INTO submission VALUES (3, '01M80XWCPED8030683HJSKDAY2', 1, 'c17', NULL, 1, 0, 0, 1, "
    "0, 0, NULL, NULL, zeroblob(32), 1, 1000, NULL, NULL, NULL, NULL, NULL, NULL, NULL)",
    "INSERT INTO source_file VALUES (1, 0, 'main.c', 1), (2, 0, 'main.c', 1), (3, 0, 'main.c', 1)",
    "INSERT INTO test VALUES (1, 0, '1', NULL, NULL, 1, 1, 1, 1, 1, 1, 1), "
    "(2, 0, '1', NULL, NULL, 1, 1, 1, 1, 1, 1, 1), (3, 0, '1', NULL, NULL, 1, 1, 1, 1, 1, 1, 1)",
    "INSERT INTO queue VALUES ('01M80XWCPED8030683HJSKDAY2', 3, 1, 1000, 0, 0, 1000, NULL, NULL, "
    "NULL)",
    "INSERT INTO counter VALUES (1, 1), (2, 0), (101, 1), (113, 1)",
    "PRAGMA application_id = 0x4d4e4f53",
    "PRAGMA user_version = 1",
};

static void run_all(sqlite3 *db, const char *const *sql, size_t count)
{
    for (size_t i = 0; i < count; i++)
        ck_assert_msg(sqlite3_exec(db, sql[i], NULL, NULL, NULL) == SQLITE_OK, "%s: %s", sql[i],
                      sqlite3_errmsg(db));
}

static struct place place_of_version_1(void)
{
    struct place p = place_empty();
    auto_free_ char *path = xasprintf("%s/%s", p.dir, DB_FILE_NAME);
    sqlite3 *db = NULL;
    ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
    run_all(db, version_1, ARRAY_COUNT(version_1));
    run_all(db, rows_1, ARRAY_COUNT(rows_1));
    ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
    return p;
}

START_TEST(an_old_database_keeps_what_ended_and_goes_on_with_what_waited)
{
    auto_place_ struct place p = place_of_version_1();
    struct claim c;
    p.s = open_store(&p, (struct store_options){ 0 });
    ck_assert_int_eq(number(p.s, "PRAGMA user_version"), migrate_latest());
    auto_report_ struct submission_report done = load(p.s, "01M80XWCPED8030683HJSKDAY0");
    auto_report_ struct submission_report cancelled = load(p.s, "01M80XWCPED8030683HJSKDAY1");
    ck_assert_int_eq(done.sub.verdict, VERDICT_ACCEPTED);
    ck_assert(!done.phases.present);
    ck_assert_int_eq(cancelled.sub.state, SUBMISSION_CANCELLED);
    ck_assert(claim_one(p.s, &c));
    ck_assert_str_eq(c.id, "01M80XWCPED8030683HJSKDAY2");
    ck_assert(finish(p.s, &c, VERDICT_ACCEPTED));
    ck_consistent(p.s);
}
END_TEST

START_TEST(an_old_database_is_not_changed_by_a_reader)
{
    auto_place_ struct place p = place_of_version_1();
    struct err e;
    struct store *s = NULL;
    const struct store_options opt = { .data_dir = p.dir, .read_only = true };
    auto_free_ char *blobs = xasprintf("%s/blobs", p.dir);
    ck_assert_int_eq(mkdir(blobs, 0700), 0);
    auto_free_ char *expected =
        xasprintf("has schema version 1, not %lld", (long long)migrate_latest());
    ck_fails(store_open(&opt, &s, &e), ERR_INPUT, expected);
}
END_TEST

UNIT_MAIN("migrate", an_old_database_keeps_what_ended_and_goes_on_with_what_waited,
          an_old_database_is_not_changed_by_a_reader)
