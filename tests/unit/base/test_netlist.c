/* test_netlist.c - which addresses and ports callbacks may go to; one process. */
#include "sandbox/base/netlist.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "sandbox/base/cleanup.h"
#include "tests/unit/base/unit.h"

static struct net_list networks(const char *text)
{
    struct net_list l;
    struct err e;
    ck_assert_msg(net_list_parse(text, &l, &e) == 0, "%s: %s", text, e.msg);
    return l;
}

static const char *refusal(const char *address, const char *allowed)
{
    struct net_address a;
    struct net_list l = networks(allowed);
    ck_assert_msg(net_address_parse(address, &a), "%s is no address", address);
    return net_refusal(&a, &l);
}

START_TEST(addresses_of_the_internet_are_allowed)
{
    static const char *const good[] = {
        "1.1.1.1",       "8.8.8.8",     "9.255.255.255", "11.0.0.0",       "100.63.255.255",
        "100.128.0.0",   "126.1.1.1",   "128.0.0.1",     "169.253.1.1",    "172.15.255.255",
        "172.32.0.0",    "192.167.1.1", "192.169.0.0",   "198.17.255.255", "198.20.0.0",
        "223.255.255.1", "2600::1",     "2001:4860::1",  "2a00:1450::1",   "2003::1",
    };
    for (size_t i = 0; i < ARRAY_COUNT(good); i++)
        ck_assert_msg(refusal(good[i], "") == NULL, "%s is refused", good[i]);
}
END_TEST

START_TEST(addresses_that_are_nobody_elses_business_are_refused_with_their_kind)
{
    static const struct {
        const char *address, *kind;
    } bad[] = {
        { "127.0.0.1", "loopback" },
        { "127.255.255.254", "loopback" },
        { "0.0.0.0", "unspecified" },
        { "0.1.2.3", "unspecified" },
        { "10.0.0.1", "private" },
        { "172.16.0.1", "private" },
        { "172.31.255.255", "private" },
        { "192.168.1.1", "private" },
        { "169.254.169.254", "link-local" },
        { "100.64.0.1", "carrier-grade NAT" },
        { "100.127.255.255", "carrier-grade NAT" },
        { "224.0.0.1", "multicast" },
        { "239.255.255.255", "multicast" },
        { "255.255.255.255", "broadcast" },
        { "240.0.0.1", "reserved" },
        { "192.0.2.1", "documentation" },
        { "::1", "loopback" },
        { "::", "unspecified" },
        { "fe80::1", "link-local" },
        { "fc00::1", "private" },
        { "fdff::1", "private" },
        { "ff02::1", "multicast" },
        { "::ffff:127.0.0.1", "IPv4-mapped" },
        { "::ffff:8.8.8.8", "IPv4-mapped" },
        { "::127.0.0.1", "IPv4-compatible" },
        { "2002:7f00:1::", "6to4" },
        { "2002:808:808::1", "6to4" },
        { "64:ff9b::7f00:1", "NAT64" },
        { "64:ff9b:1::1", "NAT64" },
        { "2001::1", "Teredo" },
        { "2001:db8::1", "documentation" },
        { "fec0::1", "site-local" },
        { "4000::1", "not global" },
        { "::ffff:0:127.0.0.1", "IPv4-translated" },
        /* as some resolvers read them */
        { "127.1", "loopback" },
        { "2130706433", "loopback" },
        { "0x7f.0.0.1", "loopback" },
        { "0177.0.0.1", "loopback" },
    };
    for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
        const char *kind = refusal(bad[i].address, "");
        ck_assert_msg(kind != NULL, "%s is allowed", bad[i].address);
        ck_assert_has(kind, bad[i].kind);
    }
}
END_TEST

START_TEST(what_the_operator_lists_is_allowed_and_no_more)
{
    static const char allowed[] = "127.0.0.0/8, 10.1.0.0/16 fd00:1::/32,192.0.2.7";
    ck_assert_ptr_null(refusal("127.3.2.1", allowed));
    ck_assert_ptr_null(refusal("10.1.255.255", allowed));
    ck_assert_ptr_null(refusal("fd00:1:ffff::1", allowed));
    ck_assert_ptr_null(refusal("192.0.2.7", allowed));
    ck_assert_str_eq(refusal("10.2.0.0", allowed), "private");
    ck_assert_str_eq(refusal("192.0.2.6", allowed), "documentation");
    ck_assert_str_eq(refusal("fd00:2::1", allowed), "private");
    ck_assert_str_eq(refusal("::ffff:127.0.0.1", allowed), "IPv4-mapped");
    ck_assert_ptr_null(refusal("::ffff:127.0.0.1", "::ffff:0:0/96"));
    ck_assert_ptr_null(refusal("::1", "::/0"));
    ck_assert_ptr_null(refusal("10.0.0.1", "0.0.0.0/0"));
    ck_assert_ptr_nonnull(refusal("10.0.0.1", "::/0"));
}
END_TEST

START_TEST(what_is_no_list_of_networks_is_refused_and_quoted)
{
    static const char *const bad[] = { "localhost", "10.0.0.1/8", "10.0.0.0/33", "::/129",
                                       "10.0.0.0/", "10/8",       "10.0.0.0/-1", "1.2.3.4/x" };
    for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
        struct net_list l;
        struct err e;
        ck_assert_msg(net_list_parse(bad[i], &l, &e) == -1, "accepted %s", bad[i]);
        ck_assert_int_eq(e.kind, ERR_INPUT);
        ck_assert_has(e.msg, bad[i]);
    }
}
END_TEST

START_TEST(ports_are_single_ones_and_ranges)
{
    struct port_list l;
    struct err e;
    ck_assert_int_eq(port_list_parse("80, 443,8000-8099", &l, &e), 0);
    ck_assert(port_list_has(&l, 80) && port_list_has(&l, 443));
    ck_assert(port_list_has(&l, 8000) && port_list_has(&l, 8099));
    ck_assert(!port_list_has(&l, 81) && !port_list_has(&l, 8100) && !port_list_has(&l, 0));
    ck_assert_int_eq(port_list_parse("", &l, &e), 0);
    ck_assert(!port_list_has(&l, 80));
    static const char *const bad[] = { "0", "65536", "90-80", "http", "80-", "-80" };
    for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
        ck_assert_msg(port_list_parse(bad[i], &l, &e) == -1, "accepted %s", bad[i]);
        ck_assert_has(e.msg, bad[i]);
    }
}
END_TEST

START_TEST(an_address_is_taken_out_of_what_the_kernel_is_given)
{
    struct sockaddr_in v4 = { .sin_family = AF_INET };
    struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
    struct sockaddr other = { .sa_family = AF_UNIX };
    struct net_address a;
    char text[NET_TEXT_BYTES];
    v4.sin_addr.s_addr = htonl(0xc0000207);
    ck_assert(net_address_of((struct sockaddr *)&v4, sizeof v4, &a));
    ck_assert_str_eq(net_address_text(&a, text), "192.0.2.7");
    ck_assert(net_address_of((struct sockaddr *)&v6, sizeof v6, &a));
    ck_assert_str_eq(net_address_text(&a, text), "::1");
    ck_assert(!net_address_of((struct sockaddr *)&v6, 4, &a));
    ck_assert(!net_address_of(&other, sizeof other, &a));
}
END_TEST

UNIT_MAIN("netlist", addresses_of_the_internet_are_allowed,
          addresses_that_are_nobody_elses_business_are_refused_with_their_kind,
          what_the_operator_lists_is_allowed_and_no_more,
          what_is_no_list_of_networks_is_refused_and_quoted, ports_are_single_ones_and_ranges,
          an_address_is_taken_out_of_what_the_kernel_is_given)
