/* test_bodies.c - bodies that are too large, too slow, unclear, or large and fine; over sockets. */
#include "tests/unit/server/live.h"

START_TEST(bodies_over_the_cap_get_413_however_they_come)
{
    auto_live_ struct live l;
    live_prepare(&l);
    live_set(&l, "server.body_bytes", "4096");
    live_start(&l);
    auto_buf_ struct buf big = { 0 }, chunked = { 0 };
    for (int i = 0; i < 5000; i++)
        buf_puts(&big, "x");
    ck_status(ask(&l, "POST", "/v1/submissions", "", buf_text(&big)), 413, "4096 bytes");
    int fd = say(&l, l.key, "POST", "/v1/submissions", "Transfer-Encoding: chunked\r\n", NULL);
    buf_printf(&chunked, "%zx\r\n%s\r\n0\r\n\r\n", big.len, buf_text(&big));
    ck_assert_int_eq(io_write_all(fd, chunked.data, chunked.len), 0);
    ck_status(hear(fd), 413, "body-too-large");
    fd = say(&l, l.key, "POST", "/v1/submissions",
             "Content-Length: 99999999999\r\nExpect: 100-continue\r\n", NULL);
    ck_status(hear(fd), 413, "body-too-large");
    ck_status(ask(&l, "POST", "/v1/submissions", "", SMALL), 202, "");
}
END_TEST

START_TEST(bodies_whose_end_is_not_clear_are_refused)
{
    static const char *const heads[] = {
        "Content-Length: 1\r\nContent-Length: 50\r\n",
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: gzip\r\n",
    };
    auto_live_ struct live l;
    started(&l);
    for (size_t i = 0; i < ARRAY_COUNT(heads); i++) {
        auto_free_ char *text = xasprintf("POST /v1/submissions HTTP/1.1\r\nHost: localhost\r\n"
                                          "%s\r\n0\r\n\r\n",
                                          heads[i]);
        int fd = dial(&l);
        ck_assert_int_eq(io_write_all(fd, text, strlen(text)), 0);
        ck_status(hear(fd), 400, "bad-parameter");
    }
    ck_status(ask(&l, "POST", "/v1/submissions", "", SMALL), 202, "");
}
END_TEST

START_TEST(whoever_drips_headers_or_a_body_is_hung_up_on)
{
    auto_live_ struct live l;
    live_prepare(&l);
    live_set(&l, "server.idle_timeout_ms", "1s");
    live_start(&l);
    int headers = dial(&l);
    int body = say(&l, l.key, "POST", "/v1/submissions", "Content-Length: 1000\r\n", NULL);
    int64_t began = clock_mono_ns();
    bool open[2] = { true, true };
    for (int i = 0; (open[0] || open[1]) && clock_mono_ns() - began < 20 * NS_PER_S; i++) {
        const char *drip = "GET /v1/health/live HTTP/1.1\r\nHost: localhost\r\nX: ";
        const char *one = (size_t)i < strlen(drip) ? drip + i : "x";
        open[0] = open[0] && io_write_all(headers, one, 1) == 0;
        open[1] = open[1] && io_write_all(body, " ", 1) == 0;
        usleep(100000);
    }
    ck_assert(!open[0]);
    ck_assert(!open[1]);
    close(headers);
    close(body);
    ck_status(get(&l, "/v1/health/live"), 200, "live");
}
END_TEST

START_TEST(large_bodies_are_decoded_aside)
{
    auto_live_ struct live l;
    started(&l);
    auto_buf_ struct buf b = { 0 }, bad = { 0 };
    buf_puts(&b, "{\"language\":\"c17\",\"source\":\"");
    for (int i = 0; i < 30000; i++)
        buf_puts(&b, "0123456789");
    buf_printf(&bad, "%s\",\"x\":1}", buf_text(&b));
    buf_puts(&b, "\"}");
    char id[STORE_ID_BYTES];
    submit(&l, buf_text(&b), id);
    auto_report_ struct submission_report r = load(l.place.s, id);
    ck_assert_int_eq(r.sub.files[0].content.bytes, 300000);
    ck_status(ask(&l, "POST", "/v1/submissions", "", buf_text(&bad)), 422, "no such field");
}
END_TEST

/* A body whose source becomes a file, and that file below the folder of `l`. */
static char *large_body(const struct live *l, char seed, char **ret_path)
{
    enum { LEN = 100000 };
    auto_free_ char *source = xcalloc(1, LEN + 1);
    uint8_t sha256[STORE_SHA256_BYTES];
    char hex[STORE_HEX_BYTES];
    memset(source, seed, LEN);
    store_sha256(source, LEN, sha256);
    store_hex(sha256, hex);
    *ret_path = xasprintf("%s/blobs/%.2s/%s", l->place.dir, hex, hex);
    return xasprintf("{\"language\":\"c17\",\"source\":\"%s\"}", source);
}

START_TEST(large_bytes_are_on_disk_before_the_writer_needs_its_lock)
{
    auto_live_ struct live l;
    started(&l);
    struct err e;
    auto_free_ char *path = NULL;
    auto_free_ char *body = large_body(&l, 'a', &path);
    ck_ok(store_begin(l.place.s, STORE_RELAXED, &e)); /* the writer cannot begin its own */
    int fd = say(&l, l.key, "POST", "/v1/submissions", "", body);
    for (int i = 0; i < 500 && access(path, F_OK) != 0; i++)
        usleep(10000);
    ck_assert_int_eq(access(path, F_OK), 0);
    ck_assert_int_eq(number(l.place.s, "SELECT count(*) FROM blob"), 0);
    store_rollback(l.place.s);
    ck_status(hear(fd), 202, "\"queued\"");
    ck_consistent(l.place.s);
}
END_TEST

START_TEST(a_full_queue_refuses_large_bytes_before_they_are_written)
{
    auto_live_ struct live l;
    live_prepare(&l);
    live_set(&l, "store.queue_count_max", "1");
    live_start(&l);
    auto_free_ char *path = NULL;
    auto_free_ char *body = large_body(&l, 'b', &path);
    ck_status(ask(&l, "POST", "/v1/submissions", "", SMALL), 202, "");
    ck_status(ask(&l, "POST", "/v1/submissions", "", body), 503, "Retry-After: 5\r\n");
    ck_assert_int_eq(access(path, F_OK), -1);
    judge_one(&l);
    ck_status(ask(&l, "POST", "/v1/submissions", "", body), 202, "");
    ck_assert_int_eq(access(path, F_OK), 0);
}
END_TEST

UNIT_MAIN("bodies", bodies_over_the_cap_get_413_however_they_come,
          bodies_whose_end_is_not_clear_are_refused, whoever_drips_headers_or_a_body_is_hung_up_on,
          large_bodies_are_decoded_aside, large_bytes_are_on_disk_before_the_writer_needs_its_lock,
          a_full_queue_refuses_large_bytes_before_they_are_written)
