/* test_retain.c - how much of what has ended is kept: by age, count, bytes, per key; in bounded
 * pieces, and killed in the middle. */
#include "tests/unit/schema/unit.h"

#include <signal.h>

#include "schema/fsck.h"
#include "schema/inner.h"

enum { LARGE_BYTES = 100000, MANY = 30 };

static void end_one(struct store *s, int64_t key_id, size_t tests, char ret_id[STORE_ID_BYTES])
{
    auto_submission_ struct submission sub = request(s, tests);
    struct claim c;
    sub.key_id = key_id;
    accept_it(s, &sub);
    memcpy(ret_id, sub.id, STORE_ID_BYTES);
    ck_assert(claim_one(s, &c) && finish(s, &c, VERDICT_WRONG_ANSWER));
    usleep(1100); /* "oldest" is by the millisecond */
}

/* One whose input is a file of its own. */
static void end_large(struct store *s, int n, char ret_id[STORE_ID_BYTES])
{
    struct err e;
    struct claim c;
    auto_submission_ struct submission sub = request(s, 1);
    auto_free_ char *text = xcalloc(1, LARGE_BYTES);
    snprintf(text, 32, "%d", n);
    ck_ok(blob_put(s, text, LARGE_BYTES, &sub.tests[0].stdin_blob, &e));
    accept_it(s, &sub);
    memcpy(ret_id, sub.id, STORE_ID_BYTES);
    ck_assert(claim_one(s, &c) && finish(s, &c, VERDICT_WRONG_ANSWER));
    usleep(1100);
}

static bool is_there(struct store *s, const char *id)
{
    struct err e;
    struct submission_status st;
    bool found = false;
    ck_ok(submission_status(s, id, &st, &found, &e));
    return found;
}

/* Until there is nothing more to do; how many went. */
static int64_t retain(struct store *s, const struct retention *r)
{
    struct err e;
    int64_t sum = 0, deleted = 0;
    bool more = true;
    while (more) {
        ck_ok(store_retain(s, r, &deleted, &more, &e));
        ck_assert_int_le(deleted, 100);
        sum += deleted;
    }
    return sum;
}

static void must_hold(void *ctx, const struct fsck_finding *f)
{
    (void)ctx;
    ck_assert_msg(f->count == 0 || f->waste, "%s: %s: %s", f->check, f->what,
                  f->count > 0 ? f->examples[0] : "");
}

static void ck_sound(const struct place *p)
{
    struct err e;
    struct fsck_totals sum;
    const struct fsck_options opt = { .digests = true };
    ck_ok(fsck_run(p->dir, &opt, must_hold, NULL, &sum, &e));
}

START_TEST(by_count_the_newest_stay)
{
    auto_place_ struct place p = place_new();
    char ids[10][STORE_ID_BYTES], live[STORE_ID_BYTES];
    for (int i = 0; i < 10; i++)
        end_one(p.s, 1, 1, ids[i]);
    accept_one(p.s, 0, live);
    ck_assert_int_eq(retain(p.s, &(struct retention){ .count_max = 4 }), 6);
    for (int i = 0; i < 10; i++)
        ck_assert_int_eq(is_there(p.s, ids[i]), i >= 6);
    ck_assert(is_there(p.s, live)); /* what lives does not count and does not go */
    ck_assert_int_eq(retain(p.s, &(struct retention){ .count_max = 4 }), 0);
    ck_sound(&p);
}
END_TEST

START_TEST(per_key_each_keeps_its_newest)
{
    auto_place_ struct place p = place_new();
    char busy[8][STORE_ID_BYTES], quiet[2][STORE_ID_BYTES];
    end_one(p.s, 2, 1, quiet[0]);
    for (int i = 0; i < 8; i++)
        end_one(p.s, 1, 1, busy[i]);
    end_one(p.s, 2, 1, quiet[1]);
    ck_assert_int_eq(retain(p.s, &(struct retention){ .key_count_max = 3 }), 5);
    for (int i = 0; i < 8; i++)
        ck_assert_int_eq(is_there(p.s, busy[i]), i >= 5);
    ck_assert(is_there(p.s, quiet[0]) && is_there(p.s, quiet[1]));
    ck_sound(&p);
}
END_TEST

START_TEST(by_bytes_the_oldest_go_until_the_rest_fits)
{
    auto_place_ struct place p = place_empty();
    char ids[6][STORE_ID_BYTES];
    p.s = open_store(&p, (struct store_options){ .blob_grace_ms = 1 });
    for (int i = 0; i < 6; i++)
        end_large(p.s, i, ids[i]);
    ck_assert_int_gt(number(p.s, "SELECT value FROM counter WHERE id = 4"), 6 * LARGE_BYTES);
    retain(p.s, &(struct retention){ .bytes_max = (int64_t)4 * LARGE_BYTES });
    ck_assert_int_le(number(p.s, "SELECT value FROM counter WHERE id = 4"), 4 * LARGE_BYTES);
    for (int i = 0; i < 6; i++)
        ck_assert_int_eq(is_there(p.s, ids[i]), i >= 3);
    ck_assert_int_eq(number(p.s, "SELECT count(*) FROM blob WHERE epoch = 0"), 3);
    ck_sound(&p); /* and a file for each row, none without */
}
END_TEST

START_TEST(bytes_that_others_refer_to_stay)
{
    auto_place_ struct place p = place_empty();
    char first[STORE_ID_BYTES], second[STORE_ID_BYTES];
    p.s = open_store(&p, (struct store_options){ .blob_grace_ms = 1 });
    end_large(p.s, 5, first);
    end_large(p.s, 5, second);
    ck_assert_int_eq(retain(p.s, &(struct retention){ .count_max = 1 }), 1);
    ck_assert(!is_there(p.s, first) && is_there(p.s, second));
    ck_assert_int_eq(number(p.s, "SELECT count(*) FROM blob WHERE epoch = 0 AND refs = 1"), 1);
    ck_sound(&p);
}
END_TEST

START_TEST(one_call_forgets_a_bounded_number_of_tests)
{
    auto_place_ struct place p = place_new();
    struct err e;
    char id[STORE_ID_BYTES];
    int64_t deleted = 0;
    bool more = false;
    for (int i = 0; i < 6; i++)
        end_one(p.s, 1, 400, id);
    const struct retention r = { .before_unix_ms = clock_unix_ms() + 1000 };
    ck_ok(store_retain(p.s, &r, &deleted, &more, &e));
    ck_assert_int_eq(deleted, 3); /* the third brings it over 1,000 */
    ck_assert(more);
    ck_assert_int_eq(retain(p.s, &r), 3);
}
END_TEST

START_TEST(without_a_bound_nothing_goes)
{
    auto_place_ struct place p = place_new();
    char id[STORE_ID_BYTES];
    end_one(p.s, 1, 1, id);
    ck_assert_int_eq(retain(p.s, &(struct retention){ 0 }), 0);
    ck_assert(is_there(p.s, id));
}
END_TEST

static void retain_on(const struct place *p)
{
    struct store *s = open_store(p, (struct store_options){ .blob_grace_ms = 1 });
    struct err e;
    for (int64_t keep = MANY; keep > 0; keep--) {
        int64_t deleted = 0;
        bool more = false;
        ck_ok(store_retain(s, &(struct retention){ .count_max = keep }, &deleted, &more, &e));
    }
    _exit(0);
}

START_TEST(killed_in_the_middle_it_leaves_whole_submissions_with_their_bytes)
{
    auto_place_ struct place p = place_new();
    char id[STORE_ID_BYTES];
    for (int i = 0; i < MANY; i++)
        end_large(p.s, i, id);
    for (int i = 0, status = 0; i < 40 && !(WIFEXITED(status) && i > 0); i++) {
        store_close(take_ptr(&p.s));
        pid_t child = fork();
        if (child == 0)
            retain_on(&p);
        usleep((useconds_t)(i + 1) * 2000);
        if (i < 39)
            kill(child, SIGKILL);
        ck_assert_int_eq(waitpid(child, &status, 0), child);
        p.s = open_store(&p, (struct store_options){ 0 });
        ck_consistent(p.s);
        ck_sound(&p);
    }
    ck_assert_int_eq(number(p.s, "SELECT count(*) FROM submission"), 1);
}
END_TEST

UNIT_MAIN("retain", by_count_the_newest_stay, per_key_each_keeps_its_newest,
          by_bytes_the_oldest_go_until_the_rest_fits, bytes_that_others_refer_to_stay,
          one_call_forgets_a_bounded_number_of_tests, without_a_bound_nothing_goes,
          killed_in_the_middle_it_leaves_whole_submissions_with_their_bytes)
