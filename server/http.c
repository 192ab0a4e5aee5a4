/*
 * http.c - requests in and answers out; minos-server, libmicrohttpd's threads.
 *
 * A request is opened when its headers are there: route, key, parameters and the declared length
 * are checked at once. What is wrong then is answered only after the body was read and dropped,
 * because closing with unread bytes would reset the connection before the client has seen the
 * answer; a body that is far too large, or whose sender waits for "100 Continue", is answered
 * without reading it.
 */
#include "server/http.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "sandbox/base/cleanup.h"
#include "sandbox/base/clock.h"
#include "sandbox/base/units.h"
#include "server/admit.h"
#include "server/request.h"
#include "server/slow.h"

enum {
    BODY_RATE_BYTES_PER_MS = 16, /* a body slower than this, past the idle timeout, is cut off */
    CONNECTION_MEMORY_BYTES = 2 * ADMIT_HEAD_BYTES, /* above it libmicrohttpd answers, in HTML */
    THREAD_STACK_BYTES = 1 << 20,
    LONG_REPLY_BYTES = 64 << 10,
    REPLIES_MAX_BYTES = 256 << 20, /* long answers that are being sent, all together */
    SEND_BUFFER_BYTES = 128 << 10,
};

struct http {
    struct server *srv;
    struct MHD_Daemon *daemon;
    struct slow *slow;
    int listen_fd; /* -1 while the daemon owns it */
};

static struct request *request_new(struct server *srv, struct MHD_Connection *conn)
{
    struct request *r = xcalloc(1, sizeof *r);
    r->srv = srv;
    r->conn = conn;
    r->started_mono_ns = clock_mono_ns();
    r->reply.fd = -1;
    buf_init(&r->body, (size_t)srv->conf->server_body_bytes);
    return r;
}

static void request_free(struct request *r)
{
    if (r->state_free != NULL)
        r->state_free(r->state);
    request_uncharge(r);
    if (r->ran)
        atomic_fetch_sub(&r->srv->active_count, 1);
    atomic_fetch_sub(&r->srv->replies_bytes, r->charged_reply_bytes);
    buf_done(&r->reply.body);
    close_fd(&r->reply.fd);
    if (r->reply.stream != NULL)
        MHD_destroy_response(r->reply.stream);
    for (size_t i = 0; i < r->reply.header_count; i++)
        free(r->reply.headers[i].value);
    problem_done(&r->problem);
    free(r);
}

static struct MHD_Response *take_response(struct reply *reply)
{
    if (reply->stream != NULL)
        return take_ptr(&reply->stream);
    if (reply->fd >= 0)
        return MHD_create_response_from_fd64((uint64_t)reply->fd_bytes, take_fd(&reply->fd));
    size_t len = reply->body.len;
    return MHD_create_response_from_buffer(len, buf_take(&reply->body), MHD_RESPMEM_MUST_FREE);
}

/* Long answers stay in memory until their readers have taken them: all together have a bound. */
static void charge_reply(struct request *r)
{
    int64_t len = (int64_t)r->reply.body.len;
    if (len < LONG_REPLY_BYTES)
        return;
    if (atomic_fetch_add(&r->srv->replies_bytes, len) + len <= REPLIES_MAX_BYTES) {
        r->charged_reply_bytes = len;
        return;
    }
    atomic_fetch_sub(&r->srv->replies_bytes, len);
    buf_done(&r->reply.body);
    for (size_t i = 0; i < r->reply.header_count; i++)
        free(r->reply.headers[i].value);
    r->reply.header_count = 0;
    r->problem.retry_after_ms = 2000;
    request_refuse(r, PROBLEM_BUSY, "too many long answers are on their way");
}

/* A stream ends when it ends; whatever else must get through at a rate that bodies have, too. */
static int64_t reply_ms(const struct request *r)
{
    const struct reply *reply = &r->reply;
    if (reply->stream != NULL)
        return 0;
    int64_t bytes = reply->fd >= 0 ? reply->fd_bytes : (int64_t)reply->body.len;
    return r->srv->conf->server_idle_timeout_ms + bytes / BODY_RATE_BYTES_PER_MS;
}

static enum MHD_Result send_reply(struct request *r)
{
    struct reply *reply = &r->reply;
    charge_reply(r);
    slow_reply(r->srv->slow, r->conn, reply_ms(r));
    struct MHD_Response *response = take_response(reply);
    if (response == NULL)
        return MHD_NO;
    MHD_add_response_header(response, "Cache-Control", "no-store");
    MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    if (reply->content_type != NULL)
        MHD_add_response_header(response, "Content-Type", reply->content_type);
    if (r->srv->stopping)
        MHD_add_response_header(response, "Connection", "close");
    for (size_t i = 0; i < reply->header_count; i++)
        MHD_add_response_header(response, reply->headers[i].name, reply->headers[i].value);
    enum MHD_Result rc = MHD_queue_response(r->conn, reply->status, response);
    MHD_destroy_response(response);
    metrics_http(r->srv->metrics, r->route, reply->status);
    return rc;
}

/* A piece of the body. False: give the connection up. */
static bool take_body(struct request *r, const char *data, size_t len)
{
    const struct conf *conf = r->srv->conf;
    int64_t age_ms = (clock_mono_ns() - r->started_mono_ns) / NS_PER_MS;
    r->received_bytes += (int64_t)len;
    if (age_ms > conf->server_idle_timeout_ms + r->received_bytes / BODY_RATE_BYTES_PER_MS)
        return false;
    if (r->ready)
        return r->received_bytes <= admit_drain_bytes(conf);
    struct err e;
    if (buf_add(&r->body, data, len, &e) != 0) {
        admit_too_large(r);
    } else {
        int64_t all = atomic_fetch_add(&r->srv->bodies_bytes, (int64_t)len) + (int64_t)len;
        r->charged_bytes += (int64_t)len;
        if (all > r->srv->bodies_max_bytes)
            request_refuse(r, PROBLEM_BUSY, "too many request bodies are on their way");
    }
    if (r->ready) /* refused: the rest is dropped, and what we have is not needed */
        request_uncharge(r);
    return true;
}

static void run_handler(struct request *r)
{
    if (r->ran || r->ready)
        return;
    r->ran = true;
    atomic_fetch_add(&r->srv->active_count, 1);
    r->route->handler(r);
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *conn, const char *url,
                                  const char *method, const char *version, const char *upload,
                                  size_t *upload_len, void **state)
{
    struct http *h = cls;
    struct request *r = *state;
    (void)version;
    if (r == NULL) {
        *state = r = request_new(h->srv, conn);
        slow_begin(h->slow, conn);
        bool now = admit_open(r, method, url);
        return now ? send_reply(r) : MHD_YES;
    }
    if (*upload_len > 0) {
        size_t len = *upload_len;
        *upload_len = 0;
        return take_body(r, upload, len) ? MHD_YES : MHD_NO;
    }
    r->suspended = false;
    if (r->next != NULL && !r->ready) {
        void (*next)(struct request *) = r->next;
        r->next = NULL;
        next(r);
    } else {
        run_handler(r);
    }
    /* suspended: another thread has it, and we may not even look whether it is ready */
    return r->suspended ? MHD_YES : send_reply(r);
}

static void on_completed(void *cls, struct MHD_Connection *conn, void **state,
                         enum MHD_RequestTerminationCode why)
{
    const struct http *h = cls;
    struct request *r = *state;
    *state = NULL;
    slow_end(h->slow, conn);
    if (r == NULL)
        return;
    log_event(&h->srv->log, LOG_DEBUG, "request",
              "route=%s status=%u ms=%lld bytes_in=%lld whole=%d",
              r->route != NULL ? r->route->path : "none", r->reply.status,
              (long long)((clock_mono_ns() - r->started_mono_ns) / NS_PER_MS),
              (long long)r->received_bytes, why == MHD_REQUEST_TERMINATED_COMPLETED_OK);
    request_free(r);
}

static int hex_digit(char c)
{
    char low = (char)(c | 32);
    return c >= '0' && c <= '9' ? c - '0' : low >= 'a' && low <= 'f' ? low - 'a' + 10 : -1;
}

/* %41 is A, in paths and parameters. A coded NUL stays coded: it would end the text for us, so that
 * a proxy which guards paths would see another one than we do. */
static size_t on_unescape(void *cls, struct MHD_Connection *conn, char *text)
{
    char *out = text;
    (void)cls;
    (void)conn;
    for (const char *in = text; *in != '\0'; in++) {
        int high = in[0] == '%' ? hex_digit(in[1]) : -1, low = high >= 0 ? hex_digit(in[2]) : -1;
        bool coded = low >= 0 && 16 * high + low != 0;
        *out++ = (char)(coded ? 16 * high + low : *in);
        in += coded ? 2 : 0;
    }
    *out = '\0';
    return (size_t)(out - text);
}

static void format_(2, 0) on_log(void *cls, const char *fmt, va_list ap)
{
    const struct http *h = cls;
    char text[LOG_QUOTE_BYTES], quoted[LOG_QUOTE_BYTES];
    vsnprintf(text, sizeof text, fmt, ap);
    text[strcspn(text, "\n")] = '\0';
    log_event(&h->srv->log, LOG_DEBUG, "libmicrohttpd", "message=%s", log_quote(text, quoted));
}

/* What the kernel holds for callers that do not read is its own choice, else, and megabytes each:
 * memory that nobody counts, and time in which a thread copies it in and serves nobody. Accepted
 * sockets inherit it; the kernel doubles it. */
static void bound_send_buffers(int listen_fd)
{
    const int bytes = SEND_BUFFER_BYTES;
    (void)setsockopt(listen_fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
}

int http_start(struct server *srv, int listen_fd, struct http **ret, struct err *e)
{
    const struct conf *conf = srv->conf;
    struct http *h = xcalloc(1, sizeof *h);
    *h = (struct http){ .srv = srv, .listen_fd = listen_fd };
    if (slow_new(conf->server_idle_timeout_ms, conf->server_connections, &h->slow, e) != 0) {
        close_fd(&h->listen_fd);
        free(h);
        return -1;
    }
    srv->slow = h->slow;
    bound_send_buffers(listen_fd);
    unsigned threads = (unsigned)conf->server_threads;
    unsigned per_address = (unsigned)conf->server_connections_per_address;
    unsigned connections = (unsigned)conf->server_connections;
    const struct MHD_OptionItem options[] = {
        { MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)on_completed, h },
        { MHD_OPTION_NOTIFY_CONNECTION, (intptr_t)slow_notify, h->slow },
        { MHD_OPTION_UNESCAPE_CALLBACK, (intptr_t)on_unescape, h },
        { MHD_OPTION_LISTEN_SOCKET, listen_fd, NULL },
        { MHD_OPTION_CONNECTION_LIMIT, connections > threads ? connections : threads, NULL },
        { MHD_OPTION_PER_IP_CONNECTION_LIMIT, per_address, NULL }, /* 0: none */
        { MHD_OPTION_CONNECTION_TIMEOUT, (intptr_t)(conf->server_idle_timeout_ms / 1000), NULL },
        { MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_MEMORY_BYTES, NULL },
        { MHD_OPTION_THREAD_STACK_SIZE, THREAD_STACK_BYTES, NULL },
        { threads > 1 ? MHD_OPTION_THREAD_POOL_SIZE : MHD_OPTION_END, threads, NULL },
        { MHD_OPTION_END, 0, NULL },
    };
    h->daemon = MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME |
                                     MHD_USE_ERROR_LOG | MHD_USE_ITC,
                                 0, NULL, NULL, on_request, h, MHD_OPTION_EXTERNAL_LOGGER, on_log,
                                 h, MHD_OPTION_ARRAY, options, MHD_OPTION_END);
    if (h->daemon == NULL) {
        err_sys(e, "start the HTTP threads");
        slow_free(h->slow);
        close_fd(&h->listen_fd);
        free(h);
        return -1;
    }
    *ret = h;
    return 0;
}

void http_quiesce(struct http *h)
{
    int fd = MHD_quiesce_daemon(h->daemon);
    if (fd >= 0)
        h->listen_fd = fd; /* ours again; closed only after the threads are gone */
}

unsigned http_connections(const struct http *h)
{
    const union MHD_DaemonInfo *info =
        MHD_get_daemon_info(h->daemon, MHD_DAEMON_INFO_CURRENT_CONNECTIONS);
    return info != NULL ? info->num_connections : 0;
}

void http_stop(struct http *h)
{
    if (h == NULL)
        return;
    MHD_stop_daemon(h->daemon);
    slow_free(h->slow);
    close_fd(&h->listen_fd);
    free(h);
}
