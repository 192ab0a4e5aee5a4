/* runner.c - carries out orders, many at once, in one thread; minos-courier's runner. libcurl looks
 * names up in threads of its own. */
#include "server/courier/runner.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "sandbox/base/buf.h"
#include "sandbox/base/cleanup.h"
#include "server/courier/flight.h"

enum { POLL_MS = 60000 };

struct runner {
    int sock_fd;
    CURLM *multi;
    struct flight *flights[ORDER_SLOTS_MAX];
    bool over;
};

static bool text_ok(const struct order *o, uint32_t at)
{
    return at < o->text_len && memchr(o->text + at, '\0', o->text_len - at) != NULL;
}

static bool order_ok(const struct runner *r, const struct order *o, size_t len)
{
    return len > offsetof(struct order, text) && o->text_len <= ORDER_TEXT_BYTES &&
           order_len(o) == len && o->slot < ORDER_SLOTS_MAX && r->flights[o->slot] == NULL &&
           text_ok(o, o->url_at) && text_ok(o, o->headers_at) && o->body_at < o->text_len &&
           o->body_len < o->text_len - o->body_at &&
           memchr(o->ca_file, '\0', sizeof o->ca_file) != NULL;
}

static void answer(struct runner *r, const struct order_reply *reply)
{
    if (send(r->sock_fd, reply, sizeof *reply, MSG_NOSIGNAL) != (ssize_t)sizeof *reply)
        r->over = true;
}

/* Take the orders that wait. */
static void take_orders(struct runner *r, struct order *o)
{
    for (;;) {
        ssize_t n = recv(r->sock_fd, o, sizeof *o, MSG_DONTWAIT);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (n <= 0 || !order_ok(r, o, (size_t)n)) {
            r->over = true; /* the courier is gone */
            return;
        }
        struct flight *f = flight_new(o);
        r->flights[o->slot] = f;
        curl_multi_add_handle(r->multi, flight_easy(f));
    }
}

static void take_landed(struct runner *r)
{
    int left;
    for (CURLMsg *m; (m = curl_multi_info_read(r->multi, &left)) != NULL;) {
        struct flight *f = NULL;
        if (m->msg != CURLMSG_DONE)
            continue;
        CURLcode code = m->data.result;
        curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &f);
        struct order_reply reply = flight_reply(f, code);
        curl_multi_remove_handle(r->multi, flight_easy(f));
        flight_free(f);
        r->flights[reply.slot] = NULL;
        answer(r, &reply);
    }
}

int runner_serve(int sock_fd, struct err *e)
{
    struct runner r = { .sock_fd = sock_fd };
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK || (r.multi = curl_multi_init()) == NULL)
        return err_set(e, ERR_SYS, 0, "libcurl cannot be used");
    auto_free_ struct order *room = xcalloc(1, sizeof *room);
    r.over = send(sock_fd, "r", 1, MSG_NOSIGNAL) != 1; /* ready */
    while (!r.over) {
        int running = 0;
        struct curl_waitfd fds[] = { { .fd = sock_fd, .events = CURL_WAIT_POLLIN } };
        curl_multi_perform(r.multi, &running);
        take_landed(&r);
        if (curl_multi_poll(r.multi, fds, 1, POLL_MS, NULL) != CURLM_OK)
            break;
        take_orders(&r, room);
    }
    for (size_t i = 0; i < ORDER_SLOTS_MAX; i++) {
        if (r.flights[i] != NULL)
            curl_multi_remove_handle(r.multi, flight_easy(r.flights[i]));
        flight_free(r.flights[i]);
    }
    curl_multi_cleanup(r.multi);
    curl_global_cleanup();
    return 0;
}
