/* netlist.c - addresses and ports that callbacks may go to; server, courier, and the check of the
 * configuration in every program. */
#include "sandbox/base/netlist.h"

#include <arpa/inet.h>
#include <assert.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "sandbox/base/buf.h"
#include "sandbox/base/cleanup.h"
#include "sandbox/base/units.h"

static unsigned width_bits(unsigned family)
{
    return family == AF_INET ? 32 : 128;
}

/* ---- one address */

static bool parse_strict(const char *text, struct net_address *ret)
{
    struct net_address a = { .family = AF_INET };
    if (inet_pton(AF_INET, text, a.bytes) != 1) {
        a.family = AF_INET6;
        if (inet_pton(AF_INET6, text, a.bytes) != 1)
            return false;
    }
    *ret = a;
    return true;
}

bool net_address_parse(const char *text, struct net_address *ret)
{
    struct in_addr v4;
    if (parse_strict(text, ret))
        return true;
    if (strpbrk(text, " \t\n") != NULL || inet_aton(text, &v4) == 0)
        return false;
    *ret = (struct net_address){ .family = AF_INET };
    memcpy(ret->bytes, &v4, sizeof v4);
    return true;
}

bool net_address_of(const struct sockaddr *sa, socklen_t len, struct net_address *ret)
{
    struct net_address a = { .family = sa->sa_family };
    if (sa->sa_family == AF_INET && len >= sizeof(struct sockaddr_in))
        memcpy(a.bytes, (const char *)sa + offsetof(struct sockaddr_in, sin_addr), 4);
    else if (sa->sa_family == AF_INET6 && len >= sizeof(struct sockaddr_in6))
        memcpy(a.bytes, (const char *)sa + offsetof(struct sockaddr_in6, sin6_addr), 16);
    else
        return false;
    *ret = a;
    return true;
}

const char *net_address_text(const struct net_address *a, char buf[NET_TEXT_BYTES])
{
    if (inet_ntop((int)a->family, a->bytes, buf, NET_TEXT_BYTES) == NULL)
        snprintf(buf, NET_TEXT_BYTES, "an address of family %u", a->family);
    return buf;
}

/* ---- networks */

static bool within(const struct net_row *n, const struct net_address *a)
{
    unsigned whole = n->prefix_bits / 8, rest = n->prefix_bits % 8;
    if (n->first.family != a->family || memcmp(n->first.bytes, a->bytes, whole) != 0)
        return false;
    uint8_t mask = (uint8_t)(0xff00u >> rest);
    return rest == 0 || ((n->first.bytes[whole] ^ a->bytes[whole]) & mask) == 0;
}

/* "ADDRESS" or "ADDRESS/BITS", nothing after the prefix set: 10.0.0.1/8 is a slip of the pen. */
static bool parse_network(char *text, struct net_row *ret)
{
    char *slash = strchr(text, '/');
    int64_t bits = 0;
    struct err ignored;
    if (slash != NULL)
        *slash = '\0';
    struct net_row n = { 0 };
    if (!parse_strict(text, &n.first))
        return false;
    bits = width_bits(n.first.family);
    if (slash != NULL && units_parse_int(slash + 1, 0, bits, &bits, &ignored) < 0)
        return false;
    n.prefix_bits = (unsigned)bits;
    for (unsigned i = n.prefix_bits; i < width_bits(n.first.family); i++)
        if ((n.first.bytes[i / 8] & 0x80u >> i % 8) != 0)
            return false;
    *ret = n;
    return true;
}

/* The next part between commas and blanks; NULL at the end. */
static char *next_part(char **rest)
{
    char *part;
    while ((part = strsep(rest, ", \t")) != NULL && *part == '\0')
        ;
    return part;
}

int net_list_parse(const char *text, struct net_list *ret, struct err *e)
{
    struct net_list l = { .count = 0 };
    auto_free_ char *copy = xstrdup(text);
    char *rest = copy;
    for (char *part; (part = next_part(&rest)) != NULL; l.count++) {
        auto_free_ char *shown = xstrdup(part);
        if (l.count == NET_ROWS_MAX)
            return err_input(e, "expected at most %d networks", NET_ROWS_MAX);
        if (!parse_network(part, &l.rows[l.count]))
            return err_input(e,
                             "expected networks such as 10.1.0.0/16, fd00:1::/32 or 192.0.2.7, "
                             "with commas between, got \"%.64s\"",
                             shown);
    }
    *ret = l;
    return 0;
}

bool net_list_has(const struct net_list *l, const struct net_address *a)
{
    for (size_t i = 0; i < l->count; i++)
        if (within(&l->rows[i], a))
            return true;
    return false;
}

const char *net_refusal(const struct net_address *a, const struct net_list *allowed)
{
    static const struct {
        const char *network, *reason;
    } special[] = {
#define NET(network, reason) { network, reason },
#include "sandbox/base/netlist.def"
#undef NET
    };
    if (net_list_has(allowed, a))
        return NULL;
    for (size_t i = 0; i < ARRAY_COUNT(special); i++) {
        char text[NET_TEXT_BYTES];
        struct net_row row;
        snprintf(text, sizeof text, "%s", special[i].network);
        bool good = parse_network(text, &row);
        assert(good);
        if (good && within(&row, a))
            return special[i].reason;
    }
    return a->family == AF_INET6 && a->bytes[0] >> 5 != 1 ? "not global" : NULL;
}

/* ---- ports */

static bool parse_ports(char *text, uint16_t *ret_first, uint16_t *ret_last)
{
    char *dash = strchr(text, '-');
    int64_t first, last;
    struct err ignored;
    if (dash != NULL)
        *dash = '\0';
    if (units_parse_int(text, 1, 65535, &first, &ignored) < 0)
        return false;
    last = first;
    if (dash != NULL && units_parse_int(dash + 1, first, 65535, &last, &ignored) < 0)
        return false;
    *ret_first = (uint16_t)first;
    *ret_last = (uint16_t)last;
    return true;
}

int port_list_parse(const char *text, struct port_list *ret, struct err *e)
{
    struct port_list l = { .count = 0 };
    auto_free_ char *copy = xstrdup(text);
    char *rest = copy;
    for (char *part; (part = next_part(&rest)) != NULL; l.count++) {
        auto_free_ char *shown = xstrdup(part);
        if (l.count == NET_PORT_ROWS_MAX)
            return err_input(e, "expected at most %d ranges of ports", NET_PORT_ROWS_MAX);
        if (!parse_ports(part, &l.rows[l.count].first, &l.rows[l.count].last))
            return err_input(e,
                             "expected ports such as 443 or 8000-8099, with commas between, got "
                             "\"%.64s\"",
                             shown);
    }
    *ret = l;
    return 0;
}

bool port_list_has(const struct port_list *l, int64_t port)
{
    for (size_t i = 0; i < l->count; i++)
        if (port >= l->rows[i].first && port <= l->rows[i].last)
            return true;
    return false;
}
