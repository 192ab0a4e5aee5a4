/* test_retention.c - a server that forgets what is old and keeps what is not; over sockets. */
#include "tests/unit/server/live.h"

/* Poll until the query gives 0. */
static void ck_gone(struct live *l, const char *sql, int64_t seconds)
{
    int64_t until_mono_ns = clock_mono_ns() + seconds * NS_PER_S;
    while (number(l->place.s, sql) > 0 && clock_mono_ns() < until_mono_ns)
        usleep(20000);
    ck_assert_int_eq(number(l->place.s, sql), 0);
}

START_TEST(what_ended_before_the_retention_is_gone_and_what_waits_stays)
{
    auto_live_ struct live l;
    char ended[STORE_ID_BYTES], waiting[STORE_ID_BYTES];
    live_prepare(&l);
    live_set(&l, "store.retention_ms", "1s");
    live_start(&l);
    submit(&l, SMALL, ended);
    judge_one(&l);
    submit(&l, SMALL, waiting);
    auto_free_ char *old = xasprintf("/v1/submissions/%s", ended);
    auto_free_ char *young = xasprintf("/v1/submissions/%s", waiting);
    ck_status(get(&l, old), 200, "accepted");
    ck_gone(&l, "SELECT count(*) FROM submission WHERE verdict IS NOT NULL", 10);
    ck_status(get(&l, old), 404, "no submission with this id");
    ck_status(get(&l, young), 200, "queued");
    usleep(1500000); /* a second look spares it as well */
    ck_status(get(&l, young), 200, "queued");
    ck_consistent(l.place.s);
}
END_TEST

START_TEST(a_backlog_is_forgotten_piece_by_piece_while_others_are_served)
{
    enum { MANY = 450 };
    auto_live_ struct live l;
    struct err e;
    live_prepare(&l);
    ck_ok(store_begin(l.place.s, STORE_RELAXED, &e));
    for (int i = 0; i < MANY; i++) {
        char id[STORE_ID_BYTES];
        struct claim c;
        accept_one(l.place.s, 0, id);
        ck_assert(claim_one(l.place.s, &c));
        ck_assert(finish(l.place.s, &c, VERDICT_ACCEPTED));
    }
    ck_ok(store_commit(l.place.s, &e));
    usleep(20000);
    live_set(&l, "store.retention_ms", "10ms");
    live_start(&l);
    char id[STORE_ID_BYTES];
    submit(&l, SMALL, id);
    ck_gone(&l, "SELECT count(*) FROM submission WHERE verdict IS NOT NULL", 10);
    ck_assert_int_eq(number(l.place.s, "SELECT count(*) FROM submission"), 1);
    ck_consistent(l.place.s);
}
END_TEST

START_TEST(without_a_retention_nothing_that_ended_goes)
{
    auto_live_ struct live l;
    char id[STORE_ID_BYTES];
    live_prepare(&l);
    live_start(&l);
    submit(&l, SMALL, id);
    judge_one(&l);
    live_stop(&l);
    l.srv = (struct server){ .conf = &l.conf, .log = { "test", LOG_ERROR }, .unguarded = true };
    live_start(&l); /* and it prunes at its start */
    usleep(300000);
    auto_free_ char *path = xasprintf("/v1/submissions/%s", id);
    ck_status(get(&l, path), 200, "accepted");
}
END_TEST

UNIT_MAIN("retention", what_ended_before_the_retention_is_gone_and_what_waits_stays,
          a_backlog_is_forgotten_piece_by_piece_while_others_are_served,
          without_a_retention_nothing_that_ended_goes)
