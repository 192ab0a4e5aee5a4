/* fuzz_target.c - any bytes as the URL of a callback: what is accepted means the same host and port
 * to libcurl, which connects to it, as to us, who checked it. */
#include <curl/curl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "sandbox/base/buf.h"
#include "sandbox/base/cleanup.h"
#include "server/target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The host as libcurl has it: without brackets, and short forms of IPv4 made long. */
static bool same_host(const char *ours, const char *theirs)
{
    struct net_address a, b;
    char plain[TARGET_HOST_BYTES + 2] = "";
    size_t len = strlen(theirs);
    if (len >= sizeof plain)
        return false;
    memcpy(plain, theirs, len + 1);
    if (plain[0] == '[' && plain[len - 1] == ']') {
        plain[len - 1] = '\0';
        memmove(plain, plain + 1, len - 1);
    }
    if (net_address_parse(ours, &a) && net_address_parse(plain, &b))
        return a.family == b.family && memcmp(a.bytes, b.bytes, sizeof a.bytes) == 0;
    return strcasecmp(ours, plain) == 0;
}

static void compare(const char *url, const struct target *t)
{
    char *host = NULL, *port = NULL, *scheme = NULL, *user = NULL;
    CURLU *u = curl_url();
    if (curl_url_set(u, CURLUPART_URL, url, 0) == CURLUE_OK) { /* else it never connects */
        if (curl_url_get(u, CURLUPART_HOST, &host, 0) != CURLUE_OK ||
            curl_url_get(u, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) != CURLUE_OK ||
            curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK ||
            curl_url_get(u, CURLUPART_USER, &user, 0) == CURLUE_OK || !same_host(t->host, host) ||
            strtol(port, NULL, 10) != t->port || (strcmp(scheme, "https") == 0) != t->https)
            abort();
    }
    curl_free(host);
    curl_free(port);
    curl_free(scheme);
    curl_free(user);
    curl_url_cleanup(u);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct target t;
    const char *expected = NULL;
    auto_free_ char *url = xstrndup((const char *)data, size);
    if (target_parse(url, &t, &expected) == 0)
        compare(url, &t);
    return 0;
}
