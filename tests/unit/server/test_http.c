/* test_http.c - requests over a socket to a whole server; one process with the server's threads. */
#include "tests/unit/server/live.h"

START_TEST(the_first_start_leaves_an_admin_key_that_works)
{
    auto_live_ struct live l;
    started(&l);
    struct stat st;
    auto_free_ char *path = xasprintf("%s/admin.key", l.place.dir);
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_int_eq(st.st_mode & 0777, 0600);
    ck_assert_int_eq(strncmp(l.key, "mns_", 4), 0);
    ck_status(get(&l, "/v1/keys"), 200, "\"admin\"");
    char before[sizeof l.key];
    memcpy(before, l.key, sizeof before);
    live_stop(&l);
    l.srv = (struct server){ .conf = &l.conf, .log = { "test", LOG_ERROR }, .unguarded = true };
    live_start(&l);
    ck_assert_str_eq(l.key, before);
    ck_status(get(&l, "/v1/keys"), 200, "\"admin\"");
}
END_TEST

START_TEST(without_a_key_nothing_but_health_is_served)
{
    auto_live_ struct live l;
    started(&l);
    static const char *const open[] = { "/v1/health", "/v1/health/live", "/v1/health/ready",
                                        "/v1/openapi.json", "/metrics" };
    static const char *const closed[] = { "/v1/submissions", "/v1/languages", "/v1/limits",
                                          "/v1/keys" };
    for (size_t i = 0; i < ARRAY_COUNT(open); i++)
        ck_status(hear(say(&l, "", "GET", open[i], "", NULL)), 200, "");
    for (size_t i = 0; i < ARRAY_COUNT(closed); i++) {
        ck_status(hear(say(&l, "", "GET", closed[i], "", NULL)), 401, "WWW-Authenticate: Bearer");
        ck_status(hear(say(&l, "mns_wrong", "GET", closed[i], "", NULL)), 401, "unauthenticated");
    }
    ck_status(hear(say(&l, "", "POST", "/v1/submissions", "", SMALL)), 401, "problem+json");
}
END_TEST

START_TEST(a_key_does_what_its_scopes_say_until_it_is_revoked)
{
    auto_live_ struct live l;
    started(&l);
    auto_answer_ struct answer a =
        ask(&l, "POST", "/v1/keys", "", "{\"name\":\"r\",\"scopes\":[\"read\"]}");
    ck_assert_int_eq(a.status, 201);
    auto_json_ json_t *made = parsed(&a);
    const char *key = text_of(made, "key");
    ck_status(hear(say(&l, key, "GET", "/v1/submissions", "", NULL)), 200, "[]");
    ck_status(hear(say(&l, key, "POST", "/v1/submissions", "", SMALL)), 403, "submit");
    ck_status(hear(say(&l, key, "GET", "/v1/keys", "", NULL)), 403, "admin");
    auto_free_ char *path =
        xasprintf("/v1/keys/%lld", (long long)json_integer_value(json_object_get(made, "id")));
    ck_status(ask(&l, "DELETE", path, "", NULL), 204, "");
    ck_status(hear(say(&l, key, "GET", "/v1/submissions", "", NULL)), 401, "revoked");
    ck_status(ask(&l, "DELETE", "/v1/keys/1", "", NULL), 409, "last-admin-key");
    ck_status(ask(&l, "DELETE", "/v1/keys/77", "", NULL), 404, "");
    ck_status(ask(&l, "POST", "/v1/keys", "", "{\"scopes\":[\"x\"]}"), 422, "\"name\"");
}
END_TEST

START_TEST(a_submission_is_stored_before_it_is_answered)
{
    auto_live_ struct live l;
    started(&l);
    char id[STORE_ID_BYTES];
    submit(&l, SMALL, id);
    auto_report_ struct submission_report r = load(l.place.s, id);
    ck_assert_int_eq(r.sub.state, SUBMISSION_QUEUED);
    ck_assert_int_eq(r.sub.key_id, 1);
    auto_buf_ struct buf b = { 0 };
    struct err e;
    ck_ok(blob_get(l.place.s, &r.sub.files[0].content, &b, &e));
    ck_assert_str_eq(buf_text(&b), "int main(){}");
    auto_free_ char *path = xasprintf("/v1/submissions/%s", id);
    ck_status(get(&l, path), 200, "\"queued\"");
}
END_TEST

START_TEST(the_same_idempotency_key_gives_the_same_submission)
{
    auto_live_ struct live l;
    started(&l);
    const char *head = "Idempotency-Key: a-1\r\n";
    auto_answer_ struct answer one = ask(&l, "POST", "/v1/submissions", head, SMALL);
    auto_answer_ struct answer two = ask(&l, "POST", "/v1/submissions", head, SMALL);
    ck_assert_int_eq(one.status, 202);
    ck_assert_int_eq(two.status, 202);
    ck_assert_ptr_null(strstr(one.all.data, "Idempotency-Replayed"));
    ck_assert_has(two.all.data, "Idempotency-Replayed: true");
    auto_json_ json_t *j1 = parsed(&one), *j2 = parsed(&two);
    ck_assert_str_eq(text_of(j1, "id"), text_of(j2, "id"));
    ck_status(
        ask(&l, "POST", "/v1/submissions", head, "{\"language\":\"c17\",\"source\":\"other\"}"),
        409, "urn:minos:problem:idempotency");
    ck_status(ask(&l, "POST", "/v1/submissions", "Idempotency-Key: a b\r\n", SMALL), 400,
              "visible");
    judge_one(&l);
    ck_status(ask(&l, "POST", "/v1/submissions", head, SMALL), 200, "\"accepted\"");
    struct claim c;
    ck_assert(!claim_one(l.place.s, &c));
}
END_TEST

START_TEST(wait_is_answered_by_the_verdict_or_at_its_deadline)
{
    auto_live_ struct live l;
    started(&l);
    int64_t began = clock_mono_ns();
    ck_status(ask(&l, "POST", "/v1/submissions?wait=0.2", "", SMALL), 202, "\"queued\"");
    ck_assert_int_ge(clock_mono_ns() - began, 200 * NS_PER_MS);
    int fd = say(&l, l.key, "POST", "/v1/submissions?wait=30", "", SMALL);
    judge_one(&l);
    struct claim c;
    while (!claim_one(l.place.s, &c))
        usleep(1000);
    advance(&l, &c, SUBMISSION_RUNNING);
    conclude(&l, &c);
    ck_status(hear(fd), 200, "\"verdict\":\"accepted\"");
    ck_status(get(&l, "/v1/submissions?wait=1"), 400, "no such parameter");
    ck_status(ask(&l, "POST", "/v1/submissions?wait=61", "", SMALL), 400, "from 0 to 60");
    ck_status(ask(&l, "POST", "/v1/submissions?wait=x", "", SMALL), 400, "seconds");
    ck_status(ask(&l, "POST", "/v1/submissions?wait=1&wait=2", "", SMALL), 400, "once");
}
END_TEST

START_TEST(a_lost_wake_delays_a_waiter_by_a_second_at_most)
{
    auto_live_ struct live l;
    started(&l);
    int fd = say(&l, l.key, "POST", "/v1/submissions?wait=30", "", SMALL);
    struct claim c;
    while (!claim_one(l.place.s, &c))
        usleep(1000);
    usleep(200000);
    ck_assert(finish(l.place.s, &c, VERDICT_ACCEPTED)); /* and nobody says so */
    int64_t began = clock_mono_ns();
    ck_status(hear(fd), 200, "\"accepted\"");
    ck_assert_int_le(clock_mono_ns() - began, 3 * NS_PER_S);
}
END_TEST

START_TEST(cancel_has_a_definite_answer)
{
    auto_live_ struct live l;
    started(&l);
    char queued[STORE_ID_BYTES], done[STORE_ID_BYTES];
    submit(&l, SMALL, done);
    judge_one(&l);
    submit(&l, SMALL, queued);
    auto_free_ char *one = xasprintf("/v1/submissions/%s/cancel", queued);
    auto_free_ char *two = xasprintf("/v1/submissions/%s/cancel", done);
    ck_status(ask(&l, "POST", one, "", NULL), 200, "\"verdict\":\"cancelled\"");
    ck_status(ask(&l, "POST", one, "", NULL), 200, "\"verdict\":\"cancelled\"");
    ck_status(ask(&l, "POST", two, "", NULL), 409, "urn:minos:problem:finished");
    ck_status(ask(&l, "POST", "/v1/submissions/01M80XWCPED8030683HJSKDAY0/cancel", "", NULL), 404,
              "");
    ck_status(ask(&l, "POST", "/v1/submissions/x/cancel", "", NULL), 404, "");
}
END_TEST

START_TEST(a_key_sees_its_own_submissions_and_admin_all)
{
    auto_live_ struct live l;
    started(&l);
    auto_answer_ struct answer a = ask(&l, "POST", "/v1/keys", "", "{\"name\":\"other\"}");
    auto_json_ json_t *made = parsed(&a);
    const char *other = text_of(made, "key");
    char mine[STORE_ID_BYTES];
    submit(&l, SMALL, mine);
    static const char *const tails[] = { "", "/events", "/tests/1/stdout", "/compile/output" };
    for (size_t i = 0; i < ARRAY_COUNT(tails); i++) {
        auto_free_ char *path = xasprintf("/v1/submissions/%s%s", mine, tails[i]);
        ck_status(hear(say(&l, other, "GET", path, "", NULL)), 404, "no submission with this id");
    }
    auto_free_ char *cancel = xasprintf("/v1/submissions/%s/cancel", mine);
    ck_status(hear(say(&l, other, "POST", cancel, "", NULL)), 404, "");
    ck_status(hear(say(&l, other, "GET", "/v1/submissions", "", NULL)), 200, "\"submissions\":[]");
    ck_status(hear(say(&l, other, "POST", "/v1/submissions", "", SMALL)), 202, "");
    auto_answer_ struct answer all = get(&l, "/v1/submissions");
    auto_json_ json_t *j = parsed(&all);
    ck_assert_uint_eq(json_array_size(json_object_get(j, "submissions")), 2);
}
END_TEST

START_TEST(lists_are_paged_newest_first_without_gaps)
{
    auto_live_ struct live l;
    started(&l);
    char ids[7][STORE_ID_BYTES];
    for (size_t i = 0; i < ARRAY_COUNT(ids); i++) {
        submit(&l, SMALL, ids[i]);
        usleep(2000); /* ids are in order of their millisecond */
    }
    judge_one(&l);
    auto_free_ char *path = xstrdup("/v1/submissions?limit=3&status=queued");
    size_t seen = 0;
    while (path != NULL) {
        auto_answer_ struct answer a = get(&l, path);
        auto_json_ json_t *j = parsed(&a);
        const json_t *rows = json_object_get(j, "submissions");
        for (size_t i = 0; i < json_array_size(rows); i++, seen++)
            ck_assert_str_eq(text_of(json_array_get(rows, i), "id"),
                             ids[ARRAY_COUNT(ids) - 1 - seen]);
        free(path);
        const char *next = json_string_value(json_object_get(j, "next"));
        path = next != NULL ? xstrdup(next) : NULL;
    }
    ck_assert_uint_eq(seen, 6);
    ck_status(get(&l, "/v1/submissions?verdict=accepted"), 200, ids[0]);
    ck_status(get(&l, "/v1/submissions?language=cobol"), 200, "\"submissions\":[]");
    ck_status(get(&l, "/v1/submissions?status=x&verdict=y&limit=0&cursor=z"), 400, "next_cursor");
}
END_TEST

START_TEST(events_tell_every_step_and_late_comers_hear_it_all)
{
    auto_live_ struct live l;
    started(&l);
    char id[STORE_ID_BYTES];
    submit(&l, "{\"language\":\"c17\",\"source\":\"x\",\"tests\":[{},{}]}", id);
    auto_free_ char *path = xasprintf("/v1/submissions/%s/events", id);
    int fd = say(&l, l.key, "GET", path, "", NULL);
    struct claim c;
    ck_assert(claim_one(l.place.s, &c));
    usleep(50000);
    advance(&l, &c, SUBMISSION_RUNNING);
    record(&l, &c, 0);
    usleep(50000);
    record(&l, &c, 1);
    conclude(&l, &c);
    auto_answer_ struct answer a = hear(fd);
    ck_assert_has(a.all.data, "Content-Type: text/event-stream");
    ck_assert_has(a.body, "id: 0.1.0.0\nevent: state");
    ck_assert_has(a.body, "event: test\ndata: {\"index\":1");
    ck_assert_has(a.body, "event: test\ndata: {\"index\":2");
    ck_assert_has(a.body, "id: 1.5.0.2\nevent: done");
    auto_answer_ struct answer late = get(&l, path);
    ck_assert_has(late.body, "id: 0.1.0.0\nevent: state");
    ck_assert_has(late.body, "event: test\ndata: {\"index\":2");
    ck_assert_has(late.body, "event: done");
    auto_answer_ struct answer again = ask(&l, "GET", path, "Last-Event-ID: 1.4.0.1\r\n", NULL);
    ck_assert_ptr_null(strstr(again.body, "{\"index\":1"));
    ck_assert_has(again.body, "event: test\ndata: {\"index\":2");
    ck_status(ask(&l, "GET", path, "Last-Event-ID: 1.5.0.2\r\n", NULL), 204, "");
    ck_status(ask(&l, "GET", path, "Last-Event-ID: x.y\r\n", NULL), 200, "id: 0.1.0.0");
    ck_status(ask(&l, "HEAD", path, "", NULL), 200, "text/event-stream");
}
END_TEST

START_TEST(raw_outputs_are_the_kept_bytes)
{
    auto_live_ struct live l;
    started(&l);
    char id[STORE_ID_BYTES];
    submit(&l, SMALL, id);
    auto_free_ char *out = xasprintf("/v1/submissions/%s/tests/1/stdout", id);
    auto_free_ char *err = xasprintf("/v1/submissions/%s/tests/1/stderr", id);
    auto_free_ char *none = xasprintf("/v1/submissions/%s/tests/2/stdout", id);
    auto_free_ char *zero = xasprintf("/v1/submissions/%s/tests/0/stdout", id);
    auto_free_ char *compile = xasprintf("/v1/submissions/%s/compile/output", id);
    ck_status(get(&l, out), 404, "not yet");
    judge_one(&l);
    auto_answer_ struct answer a = get(&l, out);
    ck_assert_int_eq(a.status, 200);
    ck_assert_str_eq(a.body, "out\n");
    ck_assert_has(a.all.data, "application/octet-stream");
    ck_assert_has(a.all.data, "Minos-Output-Bytes: 9\r\n");
    ck_assert_has(a.all.data, "Minos-Output-Truncated: true\r\n");
    ck_assert_has(a.all.data, "Minos-Output-Head-Bytes: 2\r\n");
    ck_status(get(&l, err), 200, "Content-Length: 0");
    ck_status(get(&l, none), 404, "");
    ck_status(get(&l, zero), 404, "from 1");
    ck_status(get(&l, compile), 404, "");
}
END_TEST

START_TEST(unknown_paths_and_methods_are_told_apart)
{
    auto_live_ struct live l;
    started(&l);
    ck_status(get(&l, "/v1/nope"), 404, "openapi.json");
    ck_status(get(&l, "/v1/submissions/"), 404, "");
    ck_status(ask(&l, "PUT", "/v1/submissions", "", "{}"), 405,
              "Allow: POST, GET, HEAD, OPTIONS\r\n");
    ck_status(ask(&l, "OPTIONS", "/v1/submissions", "", NULL), 204,
              "Allow: POST, GET, HEAD, OPTIONS\r\n");
    auto_answer_ struct answer head = ask(&l, "HEAD", "/v1/languages", "", NULL);
    ck_assert_int_eq(head.status, 200);
    ck_assert_str_eq(head.body, "");
    ck_status(get(&l, "/v1/submissions/01M80XWCPED8030683HJSKDAY0"), 404, "");
    ck_status(get(&l, "/v1/submissions/01M80XWCPED8030683HJSKDAY0?fields=x"), 400, "members");
}
END_TEST

START_TEST(a_coded_nul_ends_neither_a_path_nor_a_parameter)
{
    auto_live_ struct live l;
    started(&l);
    ck_status(get(&l, "/v1/l%69mit%73"), 200, "memory_bytes");
    ck_status(get(&l, "/v1/limits%00"), 404, "openapi.json");
    ck_status(get(&l, "/v1/keys%00.css"), 404, "openapi.json");
    ck_status(get(&l, "/v1/limits%"), 404, "");
    ck_status(get(&l, "/v1/limits%0"), 404, "");
    ck_status(get(&l, "/v1/submissions?status=d%6Fne&limit=%35"), 200, "");
    ck_status(get(&l, "/v1/submissions?status=done%00x"), 400, "%00x");
    ck_status(get(&l, "/v1/submissions?limit%00x=5"), 400, "no such parameter");
}
END_TEST

START_TEST(what_the_service_offers_can_be_asked)
{
    auto_live_ struct live l;
    started(&l);
    ck_status(get(&l, "/v1/languages"), 200, "\"gnucobol\"");
    ck_status(get(&l, "/v1/limits"), 200, "\"minimum\":4194304");
    char id[STORE_ID_BYTES];
    submit(&l, SMALL, id);
    judge_one(&l);
    for (int i = 0; i < 200; i++) { /* the hub counts when it has heard */
        auto_answer_ struct answer a = get(&l, "/metrics");
        if (strstr(a.body, "minos_submission_phase_seconds_count{phase=\"total\"} 1\n") != NULL)
            break;
        usleep(10000);
    }
    ck_status(get(&l, "/metrics"), 200, "phase_seconds_count{phase=\"total\"} 1\n");
    static const char *const rows[] = {
        "count{phase=\"queue\"} 1\n",
        "sum{phase=\"prepare\"} 0.003000\n",
        "count{phase=\"prepare\"} 1\n",
        "sum{phase=\"run\"} 0.002000\n",
        "count{phase=\"run\"} 1\n",
        "sum{phase=\"collect\"} 0.001000\n",
        "count{phase=\"collect\"} 1\n",
        "count{phase=\"compile\"} 0\n",
        "bucket{phase=\"prepare\",le=\"0.0025\"} 0\n",
        "bucket{phase=\"prepare\",le=\"0.005\"} 1\n",
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
        ck_status(get(&l, "/metrics"), 200, rows[i]);
    ck_status(get(&l, "/metrics"), 200,
              "minos_submissions_finished_total{verdict=\"accepted\"} 1\n");
    ck_status(
        get(&l, "/metrics"), 200,
        "minos_http_requests_total{method=\"POST\",route=\"/v1/submissions\",code=\"202\"} 1\n");
    ck_status(get(&l, "/metrics"), 200, "minos_queue_depth 0\n");
}
END_TEST

START_TEST(a_full_queue_is_busy_and_says_when_to_come_again)
{
    auto_live_ struct live l;
    live_prepare(&l);
    live_set(&l, "store.queue_count_max", "1");
    live_start(&l);
    ck_status(ask(&l, "POST", "/v1/submissions", "", SMALL), 202, "");
    ck_status(ask(&l, "POST", "/v1/submissions", "", SMALL), 503, "Retry-After: 5\r\n");
    ck_status(get(&l, "/v1/health/ready"), 503, "\"ready\":false");
    ck_status(get(&l, "/v1/health/live"), 200, "live");
    judge_one(&l);
    ck_status(get(&l, "/v1/health/ready"), 200, "\"ready\":true");
    ck_status(ask(&l, "POST", "/v1/submissions", "", SMALL), 202, "");
}
END_TEST

START_TEST(without_a_worker_the_service_is_not_ready)
{
    auto_live_ struct live l;
    struct err e;
    live_prepare(&l);
    ck_ok(languages_replace(l.place.s, NULL, 0, &e));
    live_start(&l);
    ck_status(get(&l, "/v1/health/ready"), 503, "no worker");
    ck_status(get(&l, "/v1/health"), 200, "\"ready\":false");
    ck_status(ask(&l, "POST", "/v1/submissions", "", SMALL), 503, "no worker");
}
END_TEST

START_TEST(anonymous_service_is_for_loopback_and_no_web_page)
{
    auto_live_ struct live l;
    struct err e;
    live_prepare(&l);
    live_set(&l, "server.allow_anonymous", "true");
    live_set(&l, "server.listen", "0.0.0.0:0");
    ck_fails(serve_start(&l.srv, &e), ERR_INPUT, "loopback");
    live_set(&l, "server.listen", "127.0.0.1:0");
    live_start(&l);
    const char *json = "Content-Type: application/json\r\n";
    ck_status(hear(say(&l, "", "POST", "/v1/submissions", json, SMALL)), 202, "");
    ck_status(hear(say(&l, "", "POST", "/v1/submissions", "", SMALL)), 415, "");
    ck_status(hear(say(&l, "", "POST", "/v1/submissions",
                       "Content-Type: application/json\r\nOrigin: http://evil\r\n", SMALL)),
              401, "");
    ck_status(hear(say(&l, "", "GET", "/v1/keys", "", NULL)), 403, "");
    ck_status(hear(say(&l, "mns_x", "GET", "/v1/submissions", "", NULL)), 401, "");
}
END_TEST

START_TEST(many_requests_at_once_share_commits)
{
    auto_live_ struct live l;
    started(&l);
    enum { MANY = 60 };
    int fds[MANY];
    for (int i = 0; i < MANY; i++)
        fds[i] = say(&l, l.key, "POST", "/v1/submissions", "", SMALL);
    for (int i = 0; i < MANY; i++)
        ck_status(hear(fds[i]), 202, "\"queued\"");
    ck_assert_int_eq(number(l.place.s, "SELECT count(*) FROM submission"), MANY);
    struct writer_stats w = writer_stats(l.srv.writer);
    ck_assert_int_eq(w.jobs, MANY);
    ck_assert_int_le(w.commits, MANY);
}
END_TEST

START_TEST(one_failing_request_leaves_the_others_of_its_batch_alone)
{
    auto_live_ struct live l;
    started(&l);
    enum { MANY = 30 };
    int good[MANY], bad[MANY];
    ck_status(ask(&l, "POST", "/v1/submissions", "Idempotency-Key: k\r\n", SMALL), 202, "");
    for (int i = 0; i < MANY; i++) {
        good[i] = say(&l, l.key, "POST", "/v1/submissions", "", SMALL);
        bad[i] = say(&l, l.key, "POST", "/v1/submissions", "Idempotency-Key: k\r\n",
                     "{\"language\":\"c17\",\"source\":\"another\"}");
    }
    for (int i = 0; i < MANY; i++) {
        ck_status(hear(good[i]), 202, "");
        ck_status(hear(bad[i]), 409, "");
    }
    ck_assert_int_eq(number(l.place.s, "SELECT count(*) FROM submission"), MANY + 1);
    ck_consistent(l.place.s);
}
END_TEST

START_TEST(who_waits_or_follows_may_be_silent_longer_than_others)
{
    auto_live_ struct live l;
    live_prepare(&l);
    live_set(&l, "server.idle_timeout_ms", "1s");
    live_start(&l);
    char id[STORE_ID_BYTES];
    int waiting = say(&l, l.key, "POST", "/v1/submissions?wait=4", "", SMALL);
    usleep(20000);
    submit(&l, SMALL, id);
    auto_free_ char *path = xasprintf("/v1/submissions/%s/events", id);
    int stream = say(&l, l.key, "GET", path, "", NULL);
    usleep(3000000);
    judge_one(&l);
    judge_one(&l);
    ck_status(hear(waiting), 200, "\"accepted\"");
    ck_status(hear(stream), 200, "event: done");
}
END_TEST

START_TEST(stopping_answers_those_who_wait)
{
    auto_live_ struct live l;
    started(&l);
    int waiting = say(&l, l.key, "POST", "/v1/submissions?wait=60", "", SMALL);
    char id[STORE_ID_BYTES];
    submit(&l, SMALL, id);
    auto_free_ char *path = xasprintf("/v1/submissions/%s/events", id);
    int stream = say(&l, l.key, "GET", path, "", NULL);
    usleep(300000);
    int64_t began = clock_mono_ns();
    live_stop(&l);
    ck_assert_int_le(clock_mono_ns() - began, 5 * NS_PER_S);
    ck_status(hear(waiting), 202, "\"queued\"");
    ck_status(hear(stream), 200, "event: state");
}
END_TEST

UNIT_MAIN("http", the_first_start_leaves_an_admin_key_that_works,
          without_a_key_nothing_but_health_is_served,
          a_key_does_what_its_scopes_say_until_it_is_revoked,
          a_submission_is_stored_before_it_is_answered,
          the_same_idempotency_key_gives_the_same_submission,
          wait_is_answered_by_the_verdict_or_at_its_deadline,
          a_lost_wake_delays_a_waiter_by_a_second_at_most, cancel_has_a_definite_answer,
          a_key_sees_its_own_submissions_and_admin_all, lists_are_paged_newest_first_without_gaps,
          events_tell_every_step_and_late_comers_hear_it_all, raw_outputs_are_the_kept_bytes,
          unknown_paths_and_methods_are_told_apart, a_coded_nul_ends_neither_a_path_nor_a_parameter,
          what_the_service_offers_can_be_asked, a_full_queue_is_busy_and_says_when_to_come_again,
          without_a_worker_the_service_is_not_ready,
          anonymous_service_is_for_loopback_and_no_web_page, many_requests_at_once_share_commits,
          one_failing_request_leaves_the_others_of_its_batch_alone,
          who_waits_or_follows_may_be_silent_longer_than_others, stopping_answers_those_who_wait)
