/*
 * test_flight.c - the walls around one callback, against a receiver of our own on loopback; names
 * are made to mean what a hostile name server would say. Receivers run in child processes.
 */
#include "server/courier/flight.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/courier/unit.h"

struct receiver {
    int listen_fd;
    int port;
};

/* Listens on every loopback address, so that a connection that should not be would come here. */
static struct receiver receiver_new(void)
{
    struct sockaddr_in sa = { .sin_family = AF_INET };
    socklen_t len = sizeof sa;
    struct receiver r = { .listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0) };
    sa.sin_addr.s_addr = htonl(INADDR_ANY);
    ck_assert_int_eq(bind(r.listen_fd, (struct sockaddr *)&sa, sizeof sa), 0);
    ck_assert_int_eq(listen(r.listen_fd, 16), 0);
    ck_assert_int_eq(getsockname(r.listen_fd, (struct sockaddr *)&sa, &len), 0);
    r.port = ntohs(sa.sin_port);
    return r;
}

/* Answer one connection with these bytes, `times` over, in a child. */
static pid_t answer_with(const struct receiver *r, const char *text, int times)
{
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    char drop[65536];
    int fd = accept(r->listen_fd, NULL, NULL);
    (void)!read(fd, drop, sizeof drop);
    for (int i = 0; i < times; i++)
        if (send(fd, text, strlen(text), MSG_NOSIGNAL) < 0)
            _exit(1);
    _exit(0);
}

static bool somebody_came(const struct receiver *r)
{
    struct pollfd p = { .fd = r->listen_fd, .events = POLLIN };
    return poll(&p, 1, 0) > 0;
}

static struct order *order_new(const char *host, const struct receiver *r, const char *allow)
{
    struct order *o = xcalloc(1, sizeof *o);
    struct err e;
    o->timeout_ms = 2000;
    o->response_bytes = 4096;
    ck_assert_int_eq(net_list_parse(allow, &o->rules.allow, &e), 0);
    ck_assert_int_eq(port_list_parse("1-65535", &o->rules.ports, &e), 0);
    int n =
        snprintf(o->text, sizeof o->text, "http://%s:%d/x%cX-Test: 1\n%c{}", host, r->port, 0, 0);
    o->headers_at = (uint32_t)strlen(o->text) + 1;
    o->body_at = (uint32_t)n - 2;
    o->body_len = 2;
    o->text_len = (uint32_t)n + 1;
    return o;
}

/* Fly it. `resolve` is "HOST:PORT:ADDRESS[,ADDRESS]", as CURLOPT_RESOLVE takes it; may be NULL. */
static struct order_reply fly(const struct order *o, const char *resolve)
{
    struct flight *f = flight_new(o);
    struct curl_slist *names = resolve != NULL ? curl_slist_append(NULL, resolve) : NULL;
    curl_easy_setopt(flight_easy(f), CURLOPT_RESOLVE, names);
    struct order_reply r = flight_reply(f, curl_easy_perform(flight_easy(f)));
    flight_free(f);
    curl_slist_free_all(names);
    return r;
}

static void reap(pid_t pid)
{
    ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
}

START_TEST(an_answer_is_its_status)
{
    struct receiver r = receiver_new();
    auto_free_ struct order *o = order_new("127.0.0.1", &r, "127.0.0.1");
    pid_t pid =
        answer_with(&r, "HTTP/1.1 503 No\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n", 1);
    struct order_reply got = fly(o, NULL);
    ck_assert_msg(got.end == ORDER_ANSWERED, "%s", got.message);
    ck_assert_int_eq(got.http_status, 503);
    ck_assert_int_eq(got.retry_after_ms, 7000);
    reap(pid);
    close(r.listen_fd);
}
END_TEST

START_TEST(an_address_that_is_not_allowed_is_never_connected_to)
{
    static const char *const hosts[] = { "127.0.0.1",          "127.1",    "0x7f.1", "0", "[::1]",
                                         "[::ffff:127.0.0.1]", "localhost" };
    struct receiver r = receiver_new();
    for (size_t i = 0; i < ARRAY_COUNT(hosts); i++) {
        auto_free_ struct order *o = order_new(hosts[i], &r, "10.0.0.0/8");
        struct order_reply got = fly(o, NULL);
        ck_assert_msg(got.end == ORDER_REFUSED, "%s: %s", hosts[i], got.message);
        ck_assert_has(got.message, "is not for callbacks");
        ck_assert_msg(!somebody_came(&r), "%s was reached", hosts[i]);
    }
    close(r.listen_fd);
}
END_TEST

START_TEST(a_name_that_means_another_address_the_second_time_gains_nothing)
{
    struct receiver r = receiver_new();
    auto_free_ struct order *o = order_new("rebind.example", &r, "127.0.0.1");
    auto_free_ char *good = xasprintf("rebind.example:%d:127.0.0.1", r.port);
    auto_free_ char *evil = xasprintf("rebind.example:%d:127.0.0.2", r.port);
    pid_t pid = answer_with(&r, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 1);
    struct order_reply first = fly(o, good);
    ck_assert_int_eq(first.end, ORDER_ANSWERED);
    reap(pid);
    struct order_reply second = fly(o, evil);
    ck_assert_int_eq(second.end, ORDER_REFUSED);
    ck_assert_has(second.message, "127.0.0.2");
    ck_assert(!somebody_came(&r));
    close(r.listen_fd);
}
END_TEST

START_TEST(of_many_addresses_only_allowed_ones_are_tried)
{
    struct receiver r = receiver_new();
    auto_free_ struct order *o = order_new("many.example", &r, "127.0.0.1");
    auto_free_ char *names = xasprintf("many.example:%d:127.0.0.2,[::1],127.0.0.1", r.port);
    pid_t pid = answer_with(&r, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 1);
    struct order_reply got = fly(o, names);
    ck_assert_msg(got.end == ORDER_ANSWERED && got.http_status == 200, "%s", got.message);
    reap(pid);
    close(r.listen_fd);
}
END_TEST

START_TEST(a_port_that_is_not_allowed_is_refused)
{
    struct receiver r = receiver_new();
    auto_free_ struct order *o = order_new("127.0.0.1", &r, "127.0.0.1");
    o->rules.ports = (struct port_list){ 0 };
    struct order_reply got = fly(o, NULL);
    ck_assert_int_eq(got.end, ORDER_REFUSED);
    ck_assert_has(got.message, "the port");
    ck_assert(!somebody_came(&r));
    close(r.listen_fd);
}
END_TEST

START_TEST(redirects_are_not_followed)
{
    struct receiver r = receiver_new();
    auto_free_ struct order *o = order_new("127.0.0.1", &r, "127.0.0.1");
    auto_free_ char *text = xasprintf("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:%d/y\r\n"
                                      "Content-Length: 0\r\n\r\n",
                                      r.port);
    pid_t pid = answer_with(&r, text, 1);
    struct order_reply got = fly(o, NULL);
    ck_assert_int_eq(got.http_status, 302);
    reap(pid);
    ck_assert(!somebody_came(&r));
    close(r.listen_fd);
}
END_TEST

START_TEST(a_huge_answer_is_read_as_far_as_allowed_and_its_status_counts)
{
    struct receiver r = receiver_new();
    auto_free_ struct order *o = order_new("127.0.0.1", &r, "127.0.0.1");
    pid_t pid =
        answer_with(&r, "HTTP/1.1 200 OK\r\n\r\n0123456789012345678901234567890123456789", 100000);
    struct order_reply got = fly(o, NULL);
    ck_assert_msg(got.end == ORDER_ANSWERED && got.http_status == 200, "%s", got.message);
    reap(pid);
    pid = answer_with(&r, "HTTP/1.1 200 OK\r\nX: 0123456789012345678901234567890123456789\r\n",
                      100000);
    got = fly(o, NULL); /* headers without end, and wrong ones */
    ck_assert_int_eq(got.end, ORDER_UNREACHED);
    reap(pid);
    close(r.listen_fd);
}
END_TEST

START_TEST(silence_ends_at_the_timeout)
{
    struct receiver r = receiver_new(); /* it never accepts */
    auto_free_ struct order *o = order_new("127.0.0.1", &r, "127.0.0.1");
    o->timeout_ms = 200;
    struct order_reply got = fly(o, NULL);
    ck_assert_int_eq(got.end, ORDER_UNREACHED);
    ck_assert_has(got.message, "timed out");
    close(r.listen_fd);
}
END_TEST

START_TEST(nobody_there_and_an_answer_cut_off_are_no_answers)
{
    struct receiver r = receiver_new();
    auto_free_ struct order *o = order_new("127.0.0.1", &r, "127.0.0.1");
    pid_t pid = answer_with(&r, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", 1);
    struct order_reply got = fly(o, NULL);
    ck_assert_int_eq(got.end, ORDER_UNREACHED);
    reap(pid);
    close(r.listen_fd);
    got = fly(o, NULL);
    ck_assert_int_eq(got.end, ORDER_UNREACHED);
}
END_TEST

START_TEST(what_the_environment_says_of_proxies_does_not_count)
{
    struct receiver r = receiver_new();
    auto_free_ struct order *o = order_new("10.255.255.1", &r, "127.0.0.1");
    auto_free_ char *proxy = xasprintf("http://127.0.0.1:%d", r.port);
    setenv("http_proxy", proxy, 1);
    setenv("ALL_PROXY", proxy, 1);
    struct order_reply got = fly(o, NULL);
    ck_assert_int_eq(got.end, ORDER_REFUSED);
    ck_assert(!somebody_came(&r));
    close(r.listen_fd);
}
END_TEST

UNIT_MAIN("flight", an_answer_is_its_status, an_address_that_is_not_allowed_is_never_connected_to,
          a_name_that_means_another_address_the_second_time_gains_nothing,
          of_many_addresses_only_allowed_ones_are_tried, a_port_that_is_not_allowed_is_refused,
          redirects_are_not_followed, a_huge_answer_is_read_as_far_as_allowed_and_its_status_counts,
          silence_ends_at_the_timeout, nobody_there_and_an_answer_cut_off_are_no_answers,
          what_the_environment_says_of_proxies_does_not_count)
