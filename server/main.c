/*
 * main.c - minos-server: HTTP in, rows out. It runs without privilege and never starts a program.
 *
 * Threads: main (waits for signals), libmicrohttpd's (requests), the writer (all changes), the hub
 * (who waits for what). Stopping goes the way requests do: no new connections, the hub lets go of
 * whoever waits, the writer finishes what it was given, and then the daemon ends.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>

#include "sandbox/base/cleanup.h"
#include "sandbox/base/clock.h"
#include "sandbox/base/opt.h"
#include "sandbox/base/ready.h"
#include "server/first_key.h"
#include "server/http.h"
#include "server/listen.h"
#include "server/server.h"

enum {
    SPARE_FDS = 512,             /* beside connections: store, sockets, blobs being sent */
    BODIES_AT_ONCE = 4,          /* full-size bodies that may be on their way together */
    BODIES_MIN_BYTES = 64 << 20, /* whatever the size of one */
    DRAIN_MS = 10000,            /* for answers to go out when stopping */
    OFFLOAD_THREADS = 2,
};

struct args {
    const char *config;
    struct opt_list set;
    int64_t ready_fd;
    bool help, version;
};

static const struct opt_row rows[] = {
    { "config", 'c', OPT_TEXT, offsetof(struct args, config), "FILE",
      "configuration file (default: $MINOS_CONFIG or " CONF_DEFAULT_FILE ")", 0, 0 },
    { "set", 's', OPT_LIST, offsetof(struct args, set), "KEY=VALUE",
      "override one key of the configuration; may be repeated", 0, 0 },
    { "ready-fd", 0, OPT_INT, offsetof(struct args, ready_fd), "N",
      "write \"ready URL\" to this descriptor once requests are served", 0, 1 << 20 },
    { "help", 'h', OPT_FLAG, offsetof(struct args, help), NULL, "show this help", 0, 0 },
    { "version", 'V', OPT_FLAG, offsetof(struct args, version), NULL, "show the version", 0, 0 },
};

static const struct opt_spec spec = {
    .usage = "minos-server [OPTION]...",
    .about = "Serve the HTTP API of Minos. Usually started by `minos up` or systemd.",
    .rows = rows,
    .row_count = ARRAY_COUNT(rows),
    .after = "It stops cleanly on SIGTERM and SIGINT.\n"
             "Exit status: 0 stopped as asked, 1 failed, 2 wrong usage or configuration.\n",
};

static int load_conf(const struct args *a, struct conf *conf, struct err *e)
{
    if (conf_load(conf, a->config, e) != 0)
        return -1;
    for (size_t i = 0; i < a->set.count; i++) {
        const char *eq = strchr(a->set.items[i], '=');
        if (eq == NULL)
            return err_input(e, "--set: expected KEY=VALUE, got \"%s\"", a->set.items[i]);
        auto_free_ char *key = xstrndup(a->set.items[i], (size_t)(eq - a->set.items[i]));
        if (conf_set(conf, key, eq + 1, "--set", e) != 0)
            return -1;
    }
    return conf_check(conf, e);
}

static enum log_level level_of(const char *name)
{
    static const char *const names[] = { "error", "warn", "info", "debug" };
    for (size_t i = 0; i < ARRAY_COUNT(names); i++)
        if (strcmp(name, names[i]) == 0)
            return (enum log_level)i;
    return LOG_INFO;
}

/* As many descriptors as the connections need; never fewer than we have. */
static void raise_fd_limit(const struct server *srv)
{
    struct rlimit r;
    rlim_t want = (rlim_t)srv->conf->server_connections + SPARE_FDS;
    if (getrlimit(RLIMIT_NOFILE, &r) != 0 || r.rlim_cur >= want)
        return;
    r.rlim_cur = want < r.rlim_max ? want : r.rlim_max;
    if (r.rlim_cur < want)
        log_event(&srv->log, LOG_WARN, "few_descriptors", "have=%llu want=%llu",
                  (unsigned long long)r.rlim_cur, (unsigned long long)want);
    (void)setrlimit(RLIMIT_NOFILE, &r);
}

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
    srv->readers = readers_new(conf->store_data_dir, 2 * (size_t)conf->server_threads + 2);
    srv->auth = auth_new(srv->readers);
    srv->catalog = catalog_new(srv->readers);
    srv->metrics = metrics_new();
    const struct hub_options ho = { conf->store_data_dir, &srv->log, metrics_finished,
                                    srv->metrics };
    const struct writer_options wo = { conf->store_data_dir, conf->store_queue_count_max,
                                       conf->store_retention_ms, &srv->log };
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
    offload_free(srv->offload);
    writer_free(srv->writer);
    hub_free(srv->hub);
    catalog_free(srv->catalog);
    auth_free(srv->auth);
    metrics_free(srv->metrics);
    readers_free(srv->readers);
}

static void wait_for_answers(struct server *srv)
{
    int64_t until = clock_mono_ns() + DRAIN_MS * NS_PER_MS;
    const struct timespec pause = { 0, 2 * NS_PER_MS };
    while (srv->active_count > 0 && clock_mono_ns() < until)
        nanosleep(&pause, NULL);
}

static void stop(struct server *srv, struct http *http)
{
    srv->stopping = true;
    http_quiesce(http);
    hub_release(srv->hub);
    wait_for_answers(srv);
    stop_parts(srv);
    http_stop(http);
    log_event(&srv->log, LOG_INFO, "stopped", "unanswered=%lld", (long long)srv->active_count);
}

static int serve_started(struct server *srv, struct listener *l, int signal_fd, int ready_fd,
                         struct err *e)
{
    struct http *http = NULL;
    if (http_start(srv, take_fd(&l->fd), &http, e) != 0) {
        stop_parts(srv);
        return -1;
    }
    log_event(&srv->log, LOG_INFO, "serving", "url=%s data=%s threads=%" PRId64, l->url,
              srv->conf->store_data_dir, srv->conf->server_threads);
    ready_tell(ready_fd, l->url);
    struct signalfd_siginfo si;
    while (read(signal_fd, &si, sizeof si) < 0 && errno == EINTR)
        ;
    stop(srv, http);
    return 0;
}

static int serve(struct server *srv, struct listener *l, int signal_fd, int ready_fd, struct err *e)
{
    int rc = start_parts(srv, e);
    if (rc == 0)
        rc = serve_started(srv, l, signal_fd, ready_fd, e);
    else
        stop_parts(srv);
    free_parts(srv);
    return rc;
}

/* Blocked before any thread exists, so that all inherit it and only the signalfd sees them. */
static int open_signals(int *ret_fd, struct err *e)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    struct sigaction ignore = { .sa_handler = SIG_IGN };
    if (sigaction(SIGPIPE, &ignore, NULL) != 0 || sigprocmask(SIG_BLOCK, &set, NULL) != 0)
        return err_sys(e, "signals");
    *ret_fd = signalfd(-1, &set, SFD_CLOEXEC);
    return *ret_fd < 0 ? err_sys(e, "signalfd") : 0;
}

static int run(const struct args *a, struct conf *conf, struct log *log, struct err *e)
{
    if (load_conf(a, conf, e) != 0)
        return -1;
    log->level = level_of(conf->log_level);
    int64_t bodies = BODIES_AT_ONCE * conf->server_body_bytes;
    struct server srv = {
        .conf = conf,
        .log = *log,
        .started_unix_ms = clock_unix_ms(),
        .bodies_max_bytes = bodies > BODIES_MIN_BYTES ? bodies : BODIES_MIN_BYTES,
    };
    auto_fd_ int signal_fd = -1;
    struct listener l = { .fd = -1 };
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return err_sys(e, "no_new_privs");
    json_object_seed(0); /* before threads exist */
    raise_fd_limit(&srv);
    if (open_signals(&signal_fd, e) != 0 || listen_open(conf->server_listen, &l, e) != 0)
        return -1;
    int rc = check_access(&srv, &l, e);
    if (rc == 0)
        rc = serve(&srv, &l, signal_fd, (int)a->ready_fd, e);
    close_fd(&l.fd);
    return rc;
}

static int parse_args(int argc, char **argv, struct args *a, struct err *e)
{
    int operand = 0;
    if (opt_parse(&spec, argc, argv, a, &operand, e) != 0)
        return -1;
    if (operand < argc)
        return err_input(e, "unexpected argument \"%s\"", argv[operand]);
    return 0;
}

int main(int argc, char **argv)
{
    struct args a = { .ready_fd = -1 };
    struct log log = { "minos-server", LOG_INFO };
    struct conf conf;
    struct err e = { 0 };
    if (parse_args(argc, argv, &a, &e) != 0) {
        fprintf(stderr, "minos-server: %s\nTry `minos-server --help`.\n", e.msg);
        return 2;
    }
    if (a.help) {
        auto_buf_ struct buf b = { 0 };
        opt_help(&spec, &b);
        fputs(buf_text(&b), stdout);
        return 0;
    }
    if (a.version) {
        puts("minos-server " MINOS_VERSION);
        return 0;
    }
    conf_init(&conf);
    int rc = run(&a, &conf, &log, &e);
    if (rc != 0)
        log_error(&log, "failed", &e);
    conf_done(&conf);
    return rc == 0 ? 0 : e.kind == ERR_INPUT ? 2 : 1;
}
