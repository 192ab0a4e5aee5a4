/* test_rejudge.c - judging again makes new submissions and leaves the old ones as they were. */
#include "tests/unit/schema/unit.h"

#include <signal.h>

#include "schema/rejudge.h"

enum { MANY = 40 };

static void end_one(struct store *s, enum verdict v, char ret_id[STORE_ID_BYTES])
{
    struct claim c;
    accept_one(s, 0, ret_id);
    ck_assert(claim_one(s, &c) && finish(s, &c, v));
}

static struct rejudge_made again(struct store *s, const struct rejudge_call *c,
                                 const char (*ids)[STORE_ID_BYTES], size_t count, bool *repeated)
{
    struct err e;
    struct rejudge_made m = { 0 };
    ck_ok(rejudge_make(s, c, ids, count, &m, repeated, &e));
    return m;
}

#define auto_made_ __attribute__((cleanup(rejudge_made_done)))

START_TEST(a_new_one_asks_the_same_and_the_old_one_stays)
{
    auto_place_ struct place p = place_new();
    char id[1][STORE_ID_BYTES];
    bool repeated = true;
    struct claim c;
    end_one(p.s, VERDICT_WRONG_ANSWER, id[0]);
    const struct rejudge_call call = { .key_id = 9, .priority = -100 };
    auto_made_ struct rejudge_made m = again(p.s, &call, id, 1, &repeated);
    ck_assert(!repeated);
    ck_assert_uint_eq(m.count, 1);
    ck_assert_str_eq(m.pairs[0].of, id[0]);
    ck_assert(claim_one(p.s, &c));
    ck_assert_str_eq(c.id, m.pairs[0].id);
    ck_assert(finish(p.s, &c, VERDICT_ACCEPTED));
    auto_report_ struct submission_report old = load(p.s, id[0]);
    auto_report_ struct submission_report new = load(p.s, m.pairs[0].id);
    ck_assert_int_eq(old.sub.verdict, VERDICT_WRONG_ANSWER);
    ck_assert_str_eq(old.sub.rejudge_of, "");
    ck_assert_int_eq(new.sub.verdict, VERDICT_ACCEPTED);
    ck_assert_str_eq(new.sub.rejudge_of, id[0]);
    ck_assert_int_eq(new.sub.priority, -100);
    ck_assert_int_eq(new.sub.key_id, old.sub.key_id);
    ck_assert_mem_eq(new.sub.files[0].content.sha256, old.sub.files[0].content.sha256, 32);
    ck_consistent(p.s);
}
END_TEST

START_TEST(whoever_comes_later_goes_first)
{
    auto_place_ struct place p = place_new();
    char ids[MANY][STORE_ID_BYTES], live[STORE_ID_BYTES];
    bool repeated = false;
    struct claim c;
    for (int i = 0; i < MANY; i++)
        end_one(p.s, VERDICT_ACCEPTED, ids[i]);
    const struct rejudge_call call = { .priority = -100 };
    auto_made_ struct rejudge_made m = again(p.s, &call, ids, MANY, &repeated);
    ck_assert_uint_eq(m.count, MANY);
    for (int i = 0; i < MANY; i++) {
        accept_one(p.s, 0, live);
        ck_assert(claim_one(p.s, &c));
        ck_assert_str_eq(c.id, live);
    }
    ck_assert(claim_one(p.s, &c));
    ck_assert_str_eq(c.id, m.pairs[0].id);
}
END_TEST

START_TEST(a_call_that_is_repeated_makes_nothing_more)
{
    auto_place_ struct place p = place_new();
    struct err e;
    char ids[2][STORE_ID_BYTES];
    bool repeated = false;
    end_one(p.s, VERDICT_ACCEPTED, ids[0]);
    end_one(p.s, VERDICT_ACCEPTED, ids[1]);
    struct rejudge_call call = { .key_id = 1, .idempotency_key = "k", .next_id = ids[0] };
    auto_made_ struct rejudge_made first = again(p.s, &call, ids, 2, &repeated);
    ck_assert(!repeated);
    auto_made_ struct rejudge_made second = again(p.s, &call, NULL, 0, &repeated);
    ck_assert(repeated);
    ck_assert_uint_eq(second.count, 2);
    ck_assert_mem_eq(second.pairs, first.pairs, 2 * sizeof *first.pairs);
    ck_assert_str_eq(second.next_id, ids[0]);
    ck_assert_int_eq(number(p.s, "SELECT count(*) FROM submission"), 4);
    call.request_sha256[0] = 1;
    struct rejudge_made none;
    ck_fails(rejudge_make(p.s, &call, ids, 2, &none, &repeated, &e), ERR_INPUT,
             "idempotency_key: was used for another request");
    call.key_id = 2; /* another caller's names are his own */
    auto_made_ struct rejudge_made third = again(p.s, &call, ids, 1, &repeated);
    ck_assert(!repeated);
}
END_TEST

START_TEST(what_has_not_ended_or_is_gone_is_left_out)
{
    auto_place_ struct place p = place_new();
    char ids[3][STORE_ID_BYTES];
    bool repeated = false;
    end_one(p.s, VERDICT_ACCEPTED, ids[0]);
    accept_one(p.s, 0, ids[1]);
    store_new_id(ids[2]);
    const struct rejudge_call call = { .priority = 0 };
    auto_made_ struct rejudge_made m = again(p.s, &call, ids, 3, &repeated);
    ck_assert_uint_eq(m.count, 1);
    ck_assert_str_eq(m.pairs[0].of, ids[0]);
}
END_TEST

START_TEST(a_full_queue_takes_all_or_none)
{
    auto_place_ struct place p = place_empty();
    struct err e;
    char ids[3][STORE_ID_BYTES];
    bool repeated = false;
    struct rejudge_made m;
    p.s = open_store(&p, (struct store_options){ .queue_count_max = 2 });
    for (int i = 0; i < 3; i++)
        end_one(p.s, VERDICT_ACCEPTED, ids[i]);
    const struct rejudge_call call = { .idempotency_key = "k" };
    ck_fails(rejudge_make(p.s, &call, ids, 3, &m, &repeated, &e), ERR_BUSY, "the queue is full");
    ck_assert_int_eq(number(p.s, "SELECT count(*) FROM submission"), 3);
    ck_assert_int_eq(number(p.s, "SELECT count(*) FROM rejudge"), 0);
    ck_consistent(p.s);
}
END_TEST

/* Calls by name, each a page of its own, until it is killed. */
static void rejudge_on(const struct place *p, const char (*ids)[STORE_ID_BYTES])
{
    struct store *s = open_store(p, (struct store_options){ 0 });
    for (int i = 0; i < MANY; i += 4) {
        char name[16];
        bool repeated = false;
        snprintf(name, sizeof name, "page %d", i);
        const struct rejudge_call call = { .idempotency_key = name };
        struct rejudge_made m = again(s, &call, ids + i, 4, &repeated);
        rejudge_made_done(&m);
    }
    store_close(s);
    _exit(0);
}

START_TEST(a_set_that_is_killed_and_repeated_is_judged_again_once)
{
    auto_place_ struct place p = place_new();
    char ids[MANY][STORE_ID_BYTES];
    for (int i = 0; i < MANY; i++)
        end_one(p.s, VERDICT_ACCEPTED, ids[i]);
    for (int tries = 0;; tries++) {
        int status = 0;
        store_close(take_ptr(&p.s));
        pid_t child = fork();
        if (child == 0)
            rejudge_on(&p, (const char(*)[STORE_ID_BYTES])ids);
        usleep((useconds_t)(1000 * (tries + 1)));
        if (tries < 30)
            kill(child, SIGKILL);
        ck_assert_int_eq(waitpid(child, &status, 0), child);
        p.s = open_store(&p, (struct store_options){ 0 });
        ck_consistent(p.s);
        ck_assert_int_eq(number(p.s, "SELECT count(*) FROM submission s JOIN rejudge r ON "
                                     "r.id = s.rejudge_call") %
                             4,
                         0);
        if (WIFEXITED(status)) {
            ck_assert_int_eq(WEXITSTATUS(status), 0);
            break;
        }
    }
    ck_assert_int_eq(number(p.s, "SELECT count(DISTINCT rejudge_of) FROM submission"), MANY);
    ck_assert_int_eq(number(p.s, "SELECT count(*) FROM submission"), 2 * MANY);
}
END_TEST

START_TEST(calls_are_forgotten_with_what_ended_before)
{
    auto_place_ struct place p = place_new();
    struct err e;
    char ids[1][STORE_ID_BYTES];
    bool repeated = false;
    int64_t deleted = 0;
    end_one(p.s, VERDICT_ACCEPTED, ids[0]);
    const struct rejudge_call call = { .idempotency_key = "k" };
    auto_made_ struct rejudge_made m = again(p.s, &call, ids, 1, &repeated);
    ck_ok(store_prune(p.s, clock_unix_ms() + 1000, 100, &deleted, &e));
    ck_assert_int_eq(deleted, 1);
    ck_assert_int_eq(number(p.s, "SELECT count(*) FROM rejudge"), 0);
    ck_assert_int_eq(number(p.s, "SELECT count(*) FROM submission"), 1); /* the new one waits */
}
END_TEST

UNIT_MAIN("rejudge", a_new_one_asks_the_same_and_the_old_one_stays, whoever_comes_later_goes_first,
          a_call_that_is_repeated_makes_nothing_more, what_has_not_ended_or_is_gone_is_left_out,
          a_full_queue_takes_all_or_none, a_set_that_is_killed_and_repeated_is_judged_again_once,
          calls_are_forgotten_with_what_ended_before)
