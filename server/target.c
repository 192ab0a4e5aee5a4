/* target.c - where a callback's URL leads; server and courier. */
#include "server/target.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "sandbox/base/conf.h"
#include "sandbox/base/units.h"

int target_rules_of(const struct conf *c, struct target_rules *ret, struct err *e)
{
    if (net_list_parse(c->callbacks_allow, &ret->allow, e) < 0)
        return err_wrap(e, "callbacks.allow");
    if (port_list_parse(c->callbacks_ports, &ret->ports, e) < 0)
        return err_wrap(e, "callbacks.ports");
    return 0;
}

static bool all_visible(const char *url)
{
    for (const char *p = url; *p != '\0'; p++)
        if ((unsigned char)*p <= 0x20 || (unsigned char)*p >= 0x7f || strchr("\\\"<>^`{|}", *p))
            return false;
    return true;
}

static bool host_ok(const char *host, size_t len)
{
    if (len == 0 || host[0] == '.' || host[0] == '-')
        return false;
    for (size_t i = 0; i < len; i++) {
        bool plain = isalnum((unsigned char)host[i]) || strchr("-_.", host[i]) != NULL;
        if (!plain || (host[i] == '.' && i + 1 < len && host[i + 1] == '.'))
            return false;
    }
    return true;
}

/* "[v6]" or a name, as far as `len`; how much of it is the host. */
static bool take_host(const char *text, size_t len, struct target *ret, size_t *ret_taken)
{
    struct net_address a;
    size_t host_len = strcspn(text, ":");
    const char *from = text;
    bool v6 = text[0] == '[';
    if (v6) {
        from = text + 1;
        host_len = strcspn(from, "]");
    }
    if (host_len > len)
        host_len = len;
    if (host_len >= sizeof ret->host || (v6 && host_len + 2 > len))
        return false;
    for (size_t i = 0; i < host_len; i++)
        ret->host[i] = (char)tolower((unsigned char)from[i]);
    ret->host[host_len] = '\0';
    *ret_taken = v6 ? host_len + 2 : host_len;
    return v6 ? net_address_parse(ret->host, &a) && a.family == AF_INET6
              : host_ok(ret->host, host_len);
}

int target_parse(const char *url, struct target *ret, const char **ret_expected)
{
    struct target t = { .https = strncasecmp(url, "https://", 8) == 0 };
    size_t scheme_len = t.https ? 8 : 7, taken = 0;
    *ret_expected = "an http:// or https:// URL of at most 2048 visible ASCII characters";
    if (strlen(url) > TARGET_URL_MAX || !all_visible(url) ||
        (!t.https && strncasecmp(url, "http://", 7) != 0))
        return -1;
    const char *authority = url + scheme_len;
    size_t len = strcspn(authority, "/?#");
    *ret_expected = "a URL without a user, a password and a #fragment";
    if (memchr(authority, '@', len) != NULL || strchr(authority, '#') != NULL)
        return -1;
    *ret_expected = "a URL with a host name or address";
    if (!take_host(authority, len, &t, &taken))
        return -1;
    t.port = t.https ? 443 : 80;
    *ret_expected = "a URL whose port, if it has one, is from 1 to 65535";
    if (taken < len) {
        char port[8];
        struct err ignored;
        int n = snprintf(port, sizeof port, "%.*s", (int)(len - taken - 1), authority + taken + 1);
        if (authority[taken] != ':' || n >= (int)sizeof port ||
            units_parse_int(port, 1, 65535, &t.port, &ignored) < 0)
            return -1;
    }
    *ret = t;
    return 0;
}

int target_check(const char *url, const struct target_rules *rules,
                 char reason[TARGET_REASON_BYTES])
{
    struct target t;
    struct net_address a;
    const char *expected = NULL, *refusal = NULL;
    if (target_parse(url, &t, &expected) != 0) {
        snprintf(reason, TARGET_REASON_BYTES, "%s", expected);
        return -1;
    }
    if (!port_list_has(&rules->ports, t.port)) {
        snprintf(reason, TARGET_REASON_BYTES,
                 "a URL whose port is one that the operator allows (callbacks.ports)");
        return -1;
    }
    if (net_address_parse(t.host, &a) && (refusal = net_refusal(&a, &rules->allow)) != NULL) {
        snprintf(reason, TARGET_REASON_BYTES,
                 "a URL whose address is public (this one is %s), or allowed by the operator "
                 "(callbacks.allow)",
                 refusal);
        return -1;
    }
    return 0;
}
