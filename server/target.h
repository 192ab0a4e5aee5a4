/* target.h - the URL of a callback, taken apart strictly: what is refused here never reaches a
 * resolver or libcurl, so that two readers of one URL cannot differ about where it leads. Server
 * (at the door) and courier (before each try). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sandbox/base/netlist.h"

enum { TARGET_URL_MAX = 2048, TARGET_HOST_BYTES = 256 };

struct target {
    bool https;
    char host[TARGET_HOST_BYTES]; /* lower case, without brackets */
    int64_t port;
};

/* What targets are checked against. */
struct target_rules {
    struct net_list allow;  /* networks that are private and allowed all the same */
    struct port_list ports; /* ports that are allowed */
};

/* What the configuration says of them; it was checked before (conf_check). */
struct conf;
must_check_ int target_rules_of(const struct conf *c, struct target_rules *ret, struct err *e);

/* 0: `ret` is filled. -1: *ret_expected is static text, what a URL must be ("..."). Takes http and
 * https with a host of letters, digits, '-', '_' and '.', or an address; no user, no fragment,
 * nothing but visible ASCII. */
must_check_ int target_parse(const char *url, struct target *ret, const char **ret_expected);

/* As target_parse, and the port must be allowed, and a host that is an address too. A name is
 * looked at when it is resolved. `reason` gets the expectation as text. */
enum { TARGET_REASON_BYTES = 256 };
must_check_ int target_check(const char *url, const struct target_rules *rules,
                             char reason[TARGET_REASON_BYTES]);
