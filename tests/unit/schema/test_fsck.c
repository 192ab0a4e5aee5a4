/* test_fsck.c - each invariant is broken by hand, found by its check and no other kept silent, and
 * mended where that is safe. */
#include "tests/unit/schema/unit.h"

#include "schema/callback.h"
#include "schema/fsck.h"
#include "schema/inner.h"

enum { LARGE_BYTES = 100000, FOUND_MAX = 64 };

struct found {
    char names[FOUND_MAX][32];
    bool repaired[FOUND_MAX];
    size_t count;
    struct fsck_totals totals;
};

static void take(void *ctx, const struct fsck_finding *f)
{
    struct found *found = ctx;
    if (f->count == 0)
        return;
    ck_assert_uint_gt(f->example_count, 0);
    ck_assert_uint_lt(found->count, FOUND_MAX);
    snprintf(found->names[found->count], sizeof found->names[0], "%s", f->check);
    found->repaired[found->count++] = f->repaired;
}

static struct found check(const struct place *p, bool repair)
{
    struct err e;
    struct found found = { 0 };
    const struct fsck_options opt = { .digests = true, .repair = repair };
    ck_ok(fsck_run(p->dir, &opt, take, &found, &found.totals, &e));
    return found;
}

static bool has(const struct found *found, const char *name)
{
    for (size_t i = 0; i < found->count; i++)
        if (strcmp(found->names[i], name) == 0)
            return true;
    return false;
}

/* Four that have ended and are told of: delivered, failed, waiting for another try, held. */
static void fill_callbacks(struct store *s)
{
    struct err e;
    struct claim c;
    struct callback cb;
    struct callback_secrets secrets;
    bool found = false;
    ck_ok(callback_secret_new(s, 0, 1000, &secrets, &e));
    ck_ok(callback_secret_new(s, 0, 1000, &secrets, &e));
    for (int i = 0; i < 4; i++) {
        auto_submission_ struct submission sub = request(s, 1);
        sub.callback_url = xstrdup(i % 2 == 0 ? "https://[::1]?a=b" : "http://example.org:81/x");
        accept_it(s, &sub);
        ck_assert(claim_one(s, &c));
        ck_assert(finish(s, &c, VERDICT_WRONG_ANSWER));
        ck_ok(callback_take(s, 1 << 20, NULL, 0, &cb, &found, &e));
        ck_assert(found);
        if (i == 0)
            ck_ok(callback_sent(s, cb.id, 1, 200, &e));
        if (i == 1)
            ck_ok(callback_failed(s, cb.id, 1, 404, "no", &e));
        if (i == 2)
            ck_ok(callback_retry(s, cb.id, 1, INT64_MAX / 2, 0, "not there", &e));
        callback_done(&cb);
    }
}

/* Ended, waiting and held ones, and a large blob. */
static void fill(struct store *s)
{
    struct err e;
    char id[STORE_ID_BYTES];
    struct claim c;
    bool mine = false;
    enum cancel_answer cancelled;
    auto_free_ char *text = xcalloc(1, LARGE_BYTES);
    auto_submission_ struct submission large = request(s, 1);
    ck_ok(blob_put(s, text, LARGE_BYTES, &large.tests[0].stdin_blob, &e));
    accept_it(s, &large);
    ck_assert(claim_one(s, &c));
    const struct test_result r = { .cause = TEXT("none"),
                                   .verdict = VERDICT_ACCEPTED,
                                   .stdout_kept = { put(s, "out"), 3, 3, false } };
    ck_ok(queue_advance(s, &c, SUBMISSION_RUNNING, &mine, &e));
    ck_ok(record_one_test(s, &c, &r, &mine, &e));
    ck_assert(finish(s, &c, VERDICT_ACCEPTED));
    accept_one(s, 0, id);
    ck_ok(queue_cancel(s, id, &cancelled, &e));
    fill_callbacks(s);
    for (int i = 0; i < 3; i++)
        accept_one(s, 0, id);
    ck_assert(claim_one(s, &c));
}

static char *text_of(struct store *s, const char *sql)
{
    struct err e;
    bool found = false;
    auto_stmt_ struct stmt *q = sql_use_once(s, sql);
    ck_ok(sql_row(q, &found, &e));
    return sql_text(q);
}

static void damage(struct place *p, const char *sql)
{
    struct err e;
    p->s = open_store(p, (struct store_options){ 0 });
    ck_assert_msg(sql_exec(p->s, sql, &e) == 0, "%s: %s", sql, e.msg);
    store_close(take_ptr(&p->s));
}

START_TEST(a_store_as_it_should_be_is_found_so)
{
    auto_place_ struct place p = place_new();
    struct found found = check(&p, false);
    ck_assert_uint_eq(found.count, 0);
    fill(p.s);
    found = check(&p, false); /* beside an open store */
    ck_assert_msg(found.count == 0, "%s", found.names[0]);
    ck_assert_int_ge(found.totals.checks, 20);
    store_close(take_ptr(&p.s));
    found = check(&p, true);
    ck_assert_msg(found.count == 0, "%s", found.names[0]);
}
END_TEST

/* Ways to break it: the check that finds it, whether it is mended, how. */
static const struct {
    const char *check;
    bool mended;
    const char *sql;
} rows[] = {
    { "queue-row", true, "UPDATE queue SET seq = 999 WHERE state = 1" },
    { "one-place", true,
      "INSERT INTO queue SELECT id, seq, 1, 0, 0, 0, 0, NULL, NULL, NULL, key_id, 0 FROM "
      "submission "
      "WHERE state = 5" },
    { "not-lost", true, "DELETE FROM queue WHERE state = 1" },
    { "held", false, "UPDATE queue SET lease_end_unix_ms = NULL WHERE state > 1" },
    { "held", false, "UPDATE queue SET fence = 0 WHERE state > 1" },
    { "held", false, "UPDATE queue SET state = 9 WHERE state > 1" },
    { "ended-whole", false, "UPDATE submission SET verdict = NULL WHERE state = 5" },
    { "ended-whole", false, "UPDATE submission SET verdict = 99 WHERE state = 5" },
    { "ended-whole", false, "UPDATE submission SET finished_unix_ms = NULL WHERE state = 5" },
    { "cancelled", false, "UPDATE submission SET verdict = 1 WHERE state = 6" },
    { "verdict", false, "UPDATE test_result SET verdict = 2" },
    { "verdict", false, "DELETE FROM test_result" },
    { "request-whole", false, "DELETE FROM test WHERE seq = 1" },
    { "request-whole", false, "DELETE FROM source_file WHERE seq = 1" },
    { "queued-results", true,
      "INSERT INTO compile_result SELECT seq, NULL, 0, 1, NULL, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, "
      "NULL, 0, 0, 0 FROM queue WHERE state = 1" },
    { "result-tests", false, "UPDATE test_result SET position = 5" },
    { "orphans", true, "DELETE FROM submission WHERE state = 6" },
    { "blob-there", false, "DELETE FROM blob WHERE id = (SELECT content_blob FROM source_file)" },
    { "blob-count", true, "UPDATE blob SET refs = refs + 1 WHERE id = 1" },
    { "blob-count", true, "UPDATE blob SET refs = 0" },
    { "blob-bytes", false, "DELETE FROM blob_data WHERE id = 1" },
    { "blob-waste", true, "INSERT INTO blob_data VALUES (999, x'00')" },
    { "counter-queued", true, "UPDATE counter SET value = value + 1 WHERE id = 1" },
    { "counter-held", true, "DELETE FROM counter WHERE id = 2" },
    { "counter-queued-bytes", true, "UPDATE counter SET value = value + 1 WHERE id = 5" },
    { "key-use", true, "UPDATE key_use SET held_count = 7" },
    { "key-use", true, "DELETE FROM key_use" },
    { "line", true, "UPDATE key_use SET line_id = (SELECT max(id) FROM queue WHERE state = 1)" },
    { "counter-verdicts", true, "UPDATE counter SET value = 0 WHERE id = 101" },
    { "counter-ended", true, "UPDATE counter SET value = 9 WHERE id = 3" },
    { "counter-ended", true, "UPDATE counter SET value = value + 1 WHERE id = 1000000" },
    { "counter-ended", true, "INSERT INTO counter VALUES (1000005, 1)" },
    { "counter-bytes", true, "UPDATE counter SET value = 0 WHERE id = 4" },
    { "callback-owner", true,
      "INSERT INTO callback SELECT 'nobody', 77, 0, url, host, 1, 0, 0, 1, 1, 1, NULL, NULL, NULL "
      "FROM callback WHERE state = 3" },
    { "callback-owner", false, "UPDATE callback SET url = 'http://evil.org/' WHERE state = 2" },
    { "callback-owner", false, "UPDATE callback SET key_id = 9 WHERE state = 3" },
    { "callback-early", true,
      "INSERT INTO callback SELECT q.id, q.seq, 0, 'http://a/', 'a:80', 1, 0, 0, 1, 1, 1, NULL, "
      "NULL, NULL FROM queue q WHERE state = 1" },
    { "callback-lost", true, "DELETE FROM callback WHERE state = 2" },
    { "callback-lost", true, "DELETE FROM callback" },
    { "callback-state", false, "UPDATE callback SET state = 4 WHERE state = 2" },
    { "callback-state", false, "UPDATE callback SET ended_unix_ms = NULL WHERE state = 3" },
    { "callback-state", false, "UPDATE callback SET ended_unix_ms = 5 WHERE state = 1" },
    { "callback-state", false, "UPDATE callback SET held = 1 WHERE state = 2" },
    { "callback-tries", false, "UPDATE callback SET attempts = 0 WHERE held = 1" },
    { "callback-tries", false, "UPDATE callback SET attempts = 102 WHERE state = 1" },
    { "callback-tries", false, "UPDATE callback SET attempts = -1 WHERE state = 1" },
    { "callback-dead", false, "UPDATE callback SET message = NULL WHERE state = 3" },
    { "callback-secret", false, "UPDATE callback_secret SET secret = x'00'" },
    { "callback-secret", false, "UPDATE callback_secret SET previous = NULL" },
    { "callback-secret", false, "UPDATE callback_secret SET key_id = 55" },
    { "keys", false,
      "INSERT INTO api_key (name, scopes, secret_sha256, created_unix_ms) VALUES ('x', 0, x'00', "
      "0)" },
    { "digest", false, "UPDATE blob_data SET data = zeroblob(length(data)) WHERE id = 1" },
    { "file", false, "UPDATE blob SET bytes = bytes + 1 WHERE epoch = 0" },
};

START_TEST(what_is_broken_is_found_and_mended_where_that_is_safe)
{
    auto_place_ struct place p = place_new();
    fill(p.s);
    store_close(take_ptr(&p.s));
    damage(&p, rows[_i].sql);
    struct found found = check(&p, false);
    ck_assert_msg(has(&found, rows[_i].check), "%s is not found", rows[_i].sql);
    ck_assert(found.totals.broken > 0 || found.totals.waste > 0);
    check(&p, true);
    struct found after = check(&p, false);
    ck_assert_msg(has(&after, rows[_i].check) != rows[_i].mended, "%s", rows[_i].sql);
    if (rows[_i].mended) {
        ck_assert_msg(after.count == 0, "%s, then %s", rows[_i].sql, after.names[0]);
        p.s = open_store(&p, (struct store_options){ 0 });
        ck_consistent(p.s);
    }
}
END_TEST

START_TEST(a_lost_callback_is_made_again_as_it_was)
{
    static const char all[] = "SELECT group_concat(id || seq || key_id || url || host) FROM "
                              "(SELECT * FROM callback ORDER BY id)";
    auto_place_ struct place p = place_new();
    fill(p.s);
    auto_free_ char *before = text_of(p.s, all);
    store_close(take_ptr(&p.s));
    damage(&p, "DELETE FROM callback");
    struct found found = check(&p, true);
    ck_assert(has(&found, "callback-lost") && found.totals.broken == 0);
    p.s = open_store(&p, (struct store_options){ 0 });
    auto_free_ char *after = text_of(p.s, all);
    ck_assert_str_eq(after, before);
    ck_assert_int_eq(number(p.s, "SELECT count(*) FROM callback WHERE state = 1"), 4);
}
END_TEST

START_TEST(a_lost_submission_is_queued_again_and_judged)
{
    auto_place_ struct place p = place_new();
    struct claim c;
    char id[STORE_ID_BYTES];
    accept_one(p.s, 7, id);
    store_close(take_ptr(&p.s));
    damage(&p, "DELETE FROM queue");
    struct found found = check(&p, true);
    ck_assert(has(&found, "not-lost") && found.totals.broken == 0);
    p.s = open_store(&p, (struct store_options){ 0 });
    ck_assert(claim_one(p.s, &c));
    ck_assert_str_eq(c.id, id);
    ck_assert(finish(p.s, &c, VERDICT_ACCEPTED));
    ck_consistent(p.s);
}
END_TEST

START_TEST(pages_that_are_damaged_are_found)
{
    auto_place_ struct place p = place_new();
    fill(p.s);
    store_close(take_ptr(&p.s));
    auto_free_ char *path = xasprintf("%s/" DB_FILE_NAME, p.dir);
    auto_fd_ int fd = open(path, O_RDWR | O_CLOEXEC);
    static const char noise[2000] = "noise";
    ck_assert_int_eq(pwrite(fd, noise, sizeof noise, 4096 * 4), sizeof noise);
    struct err e;
    struct found found = { 0 };
    const struct fsck_options opt = { .digests = true };
    ck_ok(fsck_run(p.dir, &opt, take, &found, &found.totals, &e));
    ck_assert(has(&found, "database"));
    ck_assert_int_ge(found.totals.checks, 20);
}
END_TEST

START_TEST(repairing_needs_the_store_alone)
{
    auto_place_ struct place p = place_new();
    struct err e;
    struct found found = { 0 };
    const struct fsck_options opt = { .repair = true };
    ck_assert_int_eq(number(p.s, "SELECT count(*) FROM queue"), 0);
    pid_t child = fork();
    if (child == 0) {
        p.s = NULL; /* the parent's */
        _exit(fsck_run(p.dir, &opt, take, &found, &found.totals, &e) < 0 && e.kind == ERR_BUSY ? 0
                                                                                               : 1);
    }
    int status = -1;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
}
END_TEST

START_TEST(where_there_is_no_store_none_is_made)
{
    auto_place_ struct place p = place_empty();
    struct err e;
    struct found found = { 0 };
    const struct fsck_options opt = { .repair = true };
    ck_fails(fsck_run(p.dir, &opt, take, &found, &found.totals, &e), ERR_INPUT,
             "there is no store");
    auto_free_ char *path = xasprintf("%s/" DB_FILE_NAME, p.dir);
    ck_assert_int_eq(access(path, F_OK), -1);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("fsck");
    TCase *t = tcase_create("fsck");
    tcase_add_test(t, a_store_as_it_should_be_is_found_so);
    tcase_add_loop_test(t, what_is_broken_is_found_and_mended_where_that_is_safe, 0,
                        ARRAY_COUNT(rows));
    tcase_add_test(t, a_lost_callback_is_made_again_as_it_was);
    tcase_add_test(t, a_lost_submission_is_queued_again_and_judged);
    tcase_add_test(t, pages_that_are_damaged_are_found);
    tcase_add_test(t, repairing_needs_the_store_alone);
    tcase_add_test(t, where_there_is_no_store_none_is_made);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    SRunner *r = srunner_create(suite());
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
