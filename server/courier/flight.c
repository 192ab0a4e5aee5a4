/*
 * flight.c - one callback on its way; minos-courier's runner.
 *
 * The address is checked where the socket is made, which is after every resolution and once for
 * each address that is tried: what a name meant a moment before does not count, and there is no
 * other way to a socket, since redirects are not followed, proxies are off, connections are not
 * reused, and no protocol but HTTP(S) is known.
 */
#include "server/courier/flight.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "sandbox/base/buf.h"
#include "sandbox/base/cleanup.h"

struct flight {
    struct order order;
    CURL *easy;
    struct curl_slist *headers;
    int64_t read_bytes;
    int sockets;         /* opened: somebody was tried */
    bool whole_not_read; /* the answer was longer than we read */
    char refused[128];   /* why an address was not tried */
    char error[CURL_ERROR_SIZE];
};

static void refuse(struct flight *f, const struct net_address *a, const char *reason)
{
    char text[NET_TEXT_BYTES];
    snprintf(f->refused, sizeof f->refused, "%s is not for callbacks: %s",
             net_address_text(a, text), reason);
}

static curl_socket_t open_socket(void *ctx, curlsocktype purpose, struct curl_sockaddr *sa)
{
    struct flight *f = ctx;
    struct net_address a;
    if (purpose != CURLSOCKTYPE_IPCXN || !net_address_of(&sa->addr, sa->addrlen, &a)) {
        snprintf(f->refused, sizeof f->refused, "only connections by IP are for callbacks");
        return CURL_SOCKET_BAD;
    }
    const char *reason = net_refusal(&a, &f->order.rules.allow);
    in_port_t port;
    size_t at = sa->family == AF_INET ? offsetof(struct sockaddr_in, sin_port)
                                      : offsetof(struct sockaddr_in6, sin6_port);
    memcpy(&port, (const char *)&sa->addr + at, sizeof port);
    if (reason == NULL && !port_list_has(&f->order.rules.ports, ntohs(port)))
        reason = "the port";
    if (reason != NULL) {
        refuse(f, &a, reason);
        return CURL_SOCKET_BAD;
    }
    f->sockets++;
    return socket(sa->family, sa->socktype | SOCK_CLOEXEC, sa->protocol);
}

/* Count what comes, and stop at the bound: -1 makes libcurl give up, with the status known. */
static size_t take(const char *data, size_t size, size_t count, void *ctx)
{
    struct flight *f = ctx;
    (void)data;
    f->read_bytes += (int64_t)(size * count);
    if (f->read_bytes <= f->order.response_bytes)
        return size * count;
    f->whole_not_read = true;
    return 0;
}

static void set_request(struct flight *f)
{
    const struct order *o = &f->order;
    curl_easy_setopt(f->easy, CURLOPT_URL, o->text + o->url_at);
    curl_easy_setopt(f->easy, CURLOPT_POST, 1L);
    curl_easy_setopt(f->easy, CURLOPT_POSTFIELDS, o->text + o->body_at);
    curl_easy_setopt(f->easy, CURLOPT_POSTFIELDSIZE, (long)o->body_len);
    auto_free_ char *lines = xstrdup(o->text + o->headers_at);
    char *rest = lines;
    for (char *line; (line = strsep(&rest, "\n")) != NULL;)
        if (line[0] != '\0')
            f->headers = curl_slist_append(f->headers, line);
    f->headers = curl_slist_append(f->headers, "Content-Type: application/json");
    f->headers = curl_slist_append(f->headers, "Accept:");
    f->headers = curl_slist_append(f->headers, "Expect:");
    curl_easy_setopt(f->easy, CURLOPT_HTTPHEADER, f->headers);
    curl_easy_setopt(f->easy, CURLOPT_USERAGENT, "Minos/" MINOS_VERSION);
}

static void set_walls(struct flight *f)
{
    const struct order *o = &f->order;
    curl_easy_setopt(f->easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(f->easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(f->easy, CURLOPT_PROXY, ""); /* whatever the environment says */
    curl_easy_setopt(f->easy, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(f->easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    curl_easy_setopt(f->easy, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
    curl_easy_setopt(f->easy, CURLOPT_FRESH_CONNECT, 1L);
    curl_easy_setopt(f->easy, CURLOPT_FORBID_REUSE, 1L);
    curl_easy_setopt(f->easy, CURLOPT_DNS_CACHE_TIMEOUT, 0L);
    curl_easy_setopt(f->easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(f->easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(f->easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    curl_easy_setopt(f->easy, CURLOPT_OPENSOCKETDATA, f);
    curl_easy_setopt(f->easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(f->easy, CURLOPT_TIMEOUT_MS, (long)o->timeout_ms);
    curl_easy_setopt(f->easy, CURLOPT_CONNECTTIMEOUT_MS, (long)o->timeout_ms);
    curl_easy_setopt(f->easy, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(f->easy, CURLOPT_WRITEDATA, f);
    curl_easy_setopt(f->easy, CURLOPT_HEADERFUNCTION, take);
    curl_easy_setopt(f->easy, CURLOPT_HEADERDATA, f);
    curl_easy_setopt(f->easy, CURLOPT_ERRORBUFFER, f->error);
    if (o->ca_file[0] != '\0')
        curl_easy_setopt(f->easy, CURLOPT_CAINFO, o->ca_file);
}

struct flight *flight_new(const struct order *o)
{
    struct flight *f = xcalloc(1, sizeof *f);
    f->order = *o;
    f->easy = curl_easy_init();
    if (f->easy == NULL)
        abort(); /* out of memory */
    curl_easy_setopt(f->easy, CURLOPT_PRIVATE, f);
    set_request(f);
    set_walls(f);
    return f;
}

void flight_free(struct flight *f)
{
    if (f == NULL)
        return;
    curl_easy_cleanup(f->easy);
    curl_slist_free_all(f->headers);
    free(f);
}

CURL *flight_easy(const struct flight *f)
{
    return f->easy;
}

static const char *why(const struct flight *f, CURLcode code)
{
    return f->error[0] != '\0' ? f->error : curl_easy_strerror(code);
}

/* An answer counts once its status is known, even if the rest is cut off by us; when the network
 * cuts it, it does not: what stood there may have been a proxy's beginning. */
struct order_reply flight_reply(struct flight *f, CURLcode code)
{
    struct order_reply r = { .slot = f->order.slot, .retry_after_ms = -1 };
    long status = 0;
    curl_off_t after_s = 0;
    curl_easy_getinfo(f->easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(f->easy, CURLINFO_RETRY_AFTER, &after_s);
    if (f->refused[0] != '\0' && f->sockets == 0 && code != CURLE_OK) {
        r.end = ORDER_REFUSED;
        snprintf(r.message, sizeof r.message, "%s", f->refused);
    } else if (status >= 200 && (code == CURLE_OK || f->whole_not_read)) {
        r.end = ORDER_ANSWERED;
        r.http_status = status;
        r.retry_after_ms = after_s > 0 && after_s < INT64_MAX / 1000 ? after_s * 1000 : -1;
        snprintf(r.message, sizeof r.message, "the receiver answered %ld", status);
    } else if (code == CURLE_URL_MALFORMAT || code == CURLE_UNSUPPORTED_PROTOCOL) {
        r.end = ORDER_REFUSED;
        snprintf(r.message, sizeof r.message, "%s", why(f, code));
    } else {
        r.end = ORDER_UNREACHED;
        snprintf(r.message, sizeof r.message, "%s", why(f, code));
    }
    return r;
}
