/*
 * serve.c - starting and stopping what minos-server is made of; its main thread.
 *
 * Threads: main (waits for signals), libmicrohttpd's (requests), some for large bodies (offload.c),
 * the writer (all changes), the hub (who waits for what). Stopping goes the way requests do: no new
 * connections (they wait in the socket, where somebody else holds it too), the hub lets go of
 * whoever waits, who is connected is served, the writer finishes what it was given, and then the
 * daemon ends, when nothing is suspended any more.
 */
#include "server/serve.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "sandbox/base/cleanup.h"
#include "sandbox/base/clock.h"
#include "sandbox/base/guard.h"
#include "server/first_key.h"
#include "server/http.h"
#include "server/listen.h"

enum {
    BODIES_AT_ONCE = 4,          /* full-size bodies that may be on their way together */
    BODIES_MIN_BYTES = 64 << 20, /* whatever the size of one */
    DRAIN_MS = 10000,            /* for answers to go out when stopping */
    LINGER_MS = 500,             /* for a request on a connection that is open and silent */
    OFFLOAD_THREADS = 4,         /* they wait for the disk as well */
};

/* Keys, and whether this address may be served with what there is of them. */
static int check_access(const struct server *srv, const struct listener *l, struct err *e)
{
    const char *dir = srv->conf->store_data_dir;
    bool made = false, active = false;
    if (srv->conf->server_allow_anonymous && !l->loopback)
        return err_input(e,
                         "server.allow_anonymous is for loopback addresses only, and server.listen "
                         "is %s: unset one of them",
                         srv->conf->server_listen);
    if (first_key_ensure(dir, &made, &active, e) != 0)
        return -1;
    if (made)
        log_event(&srv->log, LOG_INFO, "admin_key_made", "file=%s/admin.key", dir);
    if (!active && !l->loopback)
        return err_input(e,
                         "every API key is revoked: %s is not served without keys; listen on "
                         "127.0.0.1 or remove the store",
                         srv->conf->server_listen);
    return 0;
}

static int start_parts(struct server *srv, struct err *e)
{
    const struct conf *conf = srv->conf;
    /* A thread may hold one loan and need a second for the languages. */
    const struct store_options so = { .data_dir = conf->store_data_dir,
                                      .queue_count_max = conf->store_queue_count_max,
                                      .queue_bytes_max = conf->store_queue_bytes_max,
                                      .quotas = &conf->quotas };
    srv->readers = readers_new(&so, 2 * (size_t)conf->server_threads + OFFLOAD_THREADS);
    srv->auth = auth_new(srv->readers, &conf->quotas);
    srv->catalog = catalog_new(srv->readers);
    srv->metrics = metrics_new();
    pthread_mutex_init(&srv->decode_lock, NULL);
    srv->rate = rate_new();
    const struct hub_options ho = { conf->store_data_dir, &srv->log, metrics_finished,
                                    srv->metrics };
    const struct writer_options wo = {
        .data_dir = conf->store_data_dir,
        .queue_count_max = conf->store_queue_count_max,
        .queue_bytes_max = conf->store_queue_bytes_max,
        .retention_ms = conf->store_retention_ms,
        .keep = { .count_max = conf->store_retention_count,
                  .key_count_max = conf->store_retention_key_count,
                  .bytes_max = conf->store_retention_bytes },
        .quotas = &conf->quotas,
        .log = &srv->log,
    };
    if (offload_new(OFFLOAD_THREADS, &srv->offload, e) != 0 || hub_new(&ho, &srv->hub, e) != 0)
        return -1;
    return writer_new(&wo, &srv->writer, e);
}

/* In the order of a request's way, so that each hands on to one that still listens. */
static void stop_parts(struct server *srv)
{
    if (srv->offload != NULL)
        offload_stop(srv->offload);
    if (srv->writer != NULL)
        writer_stop(srv->writer);
    if (srv->hub != NULL)
        hub_stop(srv->hub);
}

static void free_parts(struct server *srv)
{
    pthread_mutex_destroy(&srv->decode_lock);
    offload_free(srv->offload);
    writer_free(srv->writer);
    hub_free(srv->hub);
    catalog_free(srv->catalog);
    auth_free(srv->auth);
    rate_free(srv->rate);
    metrics_free(srv->metrics);
    readers_free(srv->readers);
}

/* Serve who is connected: each answer says "Connection: close". What was accepted and has not asked
 * yet is about to; what has been silent for LINGER_MS does not want anything. */
static void drain(struct server *srv)
{
    int64_t from = clock_mono_ns();
    const struct timespec pause = { 0, 2 * NS_PER_MS };
    for (;;) {
        int64_t ms = (clock_mono_ns() - from) / NS_PER_MS;
        bool idle = ms >= LINGER_MS && srv->active_count == 0;
        if (http_connections(srv->http) == 0 || idle || ms >= DRAIN_MS)
            return;
        nanosleep(&pause, NULL);
    }
}

void serve_stop(struct server *srv)
{
    srv->stopping = true;
    http_quiesce(srv->http);
    hub_release(srv->hub);
    drain(srv);
    srv->closing = true;
    stop_parts(srv);
    http_stop(srv->http);
    log_event(&srv->log, LOG_INFO, "stopped", "unanswered=%lld", (long long)srv->active_count);
    free_parts(srv);
}

/* Before the first thread: Landlock and the filter hold for threads made later. */
static int enter_guard(const struct server *srv, struct err *e)
{
    auto_free_ char *conf_path = conf_guard_path(srv->conf);
    const struct guard_path paths[] = {
        { srv->conf->store_data_dir, true },  { conf_path, false },    { "/etc/localtime", false },
        { "/usr/share/zoneinfo", false },     { "/proc/self", false }, { "/dev/urandom", false },
        { "/sys/devices/system/cpu", false },
    };
    struct guard_seen seen;
    if (srv->unguarded)
        return 0;
    if (guard_enter(GUARD_SERVER, paths, ARRAY_COUNT(paths), &seen, e) != 0)
        return -1;
    log_event(&srv->log, LOG_INFO, "guarded", "syscalls=%zu landlock=%d", seen.syscall_count,
              seen.landlock_abi);
    return 0;
}

static int start_all(struct server *srv, struct listener *l, struct err *e)
{
    if (check_access(srv, l, e) != 0 || enter_guard(srv, e) != 0)
        return -1;
    if (start_parts(srv, e) == 0 && http_start(srv, take_fd(&l->fd), &srv->http, e) == 0)
        return 0;
    stop_parts(srv);
    free_parts(srv);
    return -1;
}

int serve_start(struct server *srv, struct err *e)
{
    const struct conf *conf = srv->conf;
    int64_t bodies = BODIES_AT_ONCE * conf->server_body_bytes;
    struct listener l = { .fd = -1 };
    srv->started_unix_ms = clock_unix_ms();
    srv->bodies_max_bytes = bodies > BODIES_MIN_BYTES ? bodies : BODIES_MIN_BYTES;
    if (srv->listen_fd > 0 ? listen_take(take_fd(&srv->listen_fd), &l, e) != 0
                           : listen_open(conf->server_listen, &l, e) != 0)
        return -1;
    snprintf(srv->url, sizeof srv->url, "%s", l.url);
    int rc = start_all(srv, &l, e);
    close_fd(&l.fd);
    if (rc == 0)
        log_event(&srv->log, LOG_INFO, "serving", "url=%s data=%s threads=%" PRId64, srv->url,
                  conf->store_data_dir, conf->server_threads);
    return rc;
}
