/* test_target.c - URLs of callbacks, right and wrong; one process. */
#include "server/target.h"

#include <stdio.h>

#include "tests/unit/server/unit.h"

START_TEST(urls_are_taken_apart)
{
    static const struct {
        const char *url, *host;
        bool https;
        int64_t port;
    } good[] = {
        { "http://example.org", "example.org", false, 80 },
        { "https://Example.ORG/a/b?c=d", "example.org", true, 443 },
        { "HTTP://a_b-c.d:8080?x", "a_b-c.d", false, 8080 },
        { "http://192.0.2.1:1/", "192.0.2.1", false, 1 },
        { "https://[2001:DB8::1]:65535/x", "2001:db8::1", true, 65535 },
        { "https://[::1]", "::1", true, 443 },
    };
    for (size_t i = 0; i < ARRAY_COUNT(good); i++) {
        struct target t;
        const char *expected = NULL;
        ck_assert_msg(target_parse(good[i].url, &t, &expected) == 0, "%s: %s", good[i].url,
                      expected);
        ck_assert_str_eq(t.host, good[i].host);
        ck_assert_int_eq(t.https, good[i].https);
        ck_assert_int_eq(t.port, good[i].port);
    }
}
END_TEST

START_TEST(what_two_readers_might_read_differently_is_refused)
{
    static const char *const bad[] = {
        "",
        "example.org",
        "//example.org",
        "ftp://example.org",
        "file:///etc/passwd",
        "gopher://example.org",
        "http:example.org",
        "http:/example.org",
        "http://",
        "http:///x",
        "http://:80/",
        "http://user@example.org/",
        "http://user:secret@example.org/",
        "http://example.org@127.0.0.1/",
        "http://127.0.0.1#@example.org/",
        "http://example.org/#fragment",
        "http://example.org\\@127.0.0.1/",
        "http://example.org/a b",
        "http://example.org/\r\nX: y",
        "http://exam\tple.org/",
        "http://ex%61mple.org/",
        "http://b\303\274cher.example/",
        "http://example..org/",
        "http://.example.org/",
        "http://-example.org/",
        "http://example.org:0/",
        "http://example.org:65536/",
        "http://example.org:/",
        "http://example.org:80:80/",
        "http://example.org:+80/",
        "http://[::1",
        "http://[::1]x/",
        "http://[127.0.0.1]/",
        "http://[fe80::1%25eth0]/",
        "http://::1/",
    };
    for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
        struct target t;
        const char *expected = NULL;
        ck_assert_msg(target_parse(bad[i], &t, &expected) == -1, "accepted %s", bad[i]);
        ck_assert_ptr_nonnull(expected);
    }
    char longest[TARGET_URL_MAX + 2];
    snprintf(longest, sizeof longest, "http://example.org/%0*d", TARGET_URL_MAX - 19 + 1, 0);
    struct target t;
    const char *expected = NULL;
    ck_assert_int_eq(target_parse(longest, &t, &expected), -1);
    longest[TARGET_URL_MAX] = '\0';
    ck_assert_int_eq(target_parse(longest, &t, &expected), 0);
}
END_TEST

START_TEST(the_port_and_an_address_are_checked_at_the_door)
{
    struct conf c;
    struct err e;
    struct target_rules rules;
    char reason[TARGET_REASON_BYTES];
    conf_init(&c);
    ck_ok(target_rules_of(&c, &rules, &e));
    ck_assert_int_eq(target_check("https://example.org/", &rules, reason), 0);
    ck_assert_int_eq(target_check("http://1.1.1.1:8080/", &rules, reason), 0);
    ck_assert_int_eq(target_check("http://example.org:25/", &rules, reason), -1);
    ck_assert_has(reason, "callbacks.ports");
    static const char *const inside[] = { "http://127.0.0.1/",  "http://2130706433/",
                                          "http://0x7f000001/", "http://127.1/",
                                          "http://[::1]/",      "http://[::ffff:127.0.0.1]/",
                                          "http://10.0.0.1/",   "http://169.254.169.254/latest" };
    for (size_t i = 0; i < ARRAY_COUNT(inside); i++) {
        ck_assert_msg(target_check(inside[i], &rules, reason) == -1, "accepted %s", inside[i]);
        ck_assert_has(reason, "callbacks.allow");
    }
    ck_ok(conf_set(&c, "callbacks.allow", "127.0.0.0/8", "test", &e));
    ck_ok(target_rules_of(&c, &rules, &e));
    ck_assert_int_eq(target_check("http://127.0.0.1/", &rules, reason), 0);
    conf_done(&c);
}
END_TEST

UNIT_MAIN("target", urls_are_taken_apart, what_two_readers_might_read_differently_is_refused,
          the_port_and_an_address_are_checked_at_the_door)
