/*
 * netlist.h - which network addresses and ports a callback may go to: lists of networks and of
 * ports as the configuration has them, and the addresses that are nobody's business outside of a
 * host or site (netlist.def), which are refused unless the operator lists them.
 *
 * Checked where a connection is made, on the address that the kernel is about to be given: a name
 * that means something else the second time gains nothing.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "sandbox/base/err.h"

/* An address, or the first of a network's: 4 or 16 bytes in network order. */
struct net_address {
    uint8_t bytes[16];
    unsigned family; /* AF_INET or AF_INET6 */
};

struct net_row {
    struct net_address first;
    unsigned prefix_bits;
};

enum { NET_ROWS_MAX = 64, NET_PORT_ROWS_MAX = 64 };

struct net_list {
    struct net_row rows[NET_ROWS_MAX];
    size_t count;
};

/* Ports, as ranges that include both ends. */
struct port_list {
    struct {
        uint16_t first, last;
    } rows[NET_PORT_ROWS_MAX];
    size_t count;
};

/* Read "10.1.0.0/16, fd00:1::/32, 192.0.2.7", "" is no network; ERR_INPUT names the part that is
 * none. */
must_check_ int net_list_parse(const char *text, struct net_list *ret, struct err *e);

/* Read "80, 443, 8000-8099"; "" is no port. */
must_check_ int port_list_parse(const char *text, struct port_list *ret, struct err *e);

bool net_list_has(const struct net_list *l, const struct net_address *a);
bool port_list_has(const struct port_list *l, int64_t port);

/* "192.0.2.7" or "2001:db8::1"; also the short, octal and hexadecimal forms of IPv4 that
 * inet_aton(3) takes, since resolvers take them too. False when `text` is no address. */
bool net_address_parse(const char *text, struct net_address *ret);

/* The address in `sa`, of family AF_INET or AF_INET6; false for any other. */
bool net_address_of(const struct sockaddr *sa, socklen_t len, struct net_address *ret);

/* Why nothing is sent there ("loopback", "private"...), NULL when it may be: it is on the global
 * internet by its number, or in `allowed`. */
const char *net_refusal(const struct net_address *a, const struct net_list *allowed);

enum { NET_TEXT_BYTES = 64 };

/* As text, into buf, which is returned. */
const char *net_address_text(const struct net_address *a, char buf[NET_TEXT_BYTES]);
