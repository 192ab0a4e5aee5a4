/*
 * main.c - minos-server: HTTP in, rows out. It runs without privilege and never starts a program.
 * Here: options, configuration, signals; serve.c starts and stops the rest.
 */
#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <jansson.h>

#include "sandbox/base/cleanup.h"
#include "sandbox/base/conf_reload.h"
#include "sandbox/base/files.h"
#include "sandbox/base/opt.h"
#include "sandbox/base/prompt.h"
#include "sandbox/base/ready.h"
#include "server/listen.h"
#include "server/maintain.h"
#include "server/reload.h"
#include "server/serve.h"

enum {
    SPARE_FDS = 512,        /* beside connections: store, sockets, blobs being sent */
    OPEN_FILES_LEAST = 128, /* below it the store alone may lack some */
};

struct args {
    const char *config;
    struct opt_list set;
    int64_t ready_fd, listen_fd;
    struct maintain maintain;
    bool help, version;
};

static const struct opt_row rows[] = {
    { "config", 'c', OPT_TEXT, offsetof(struct args, config), "FILE",
      "configuration file (default: $MINOS_CONFIG or " CONF_DEFAULT_FILE ")", 0, 0 },
    { "set", 's', OPT_LIST, offsetof(struct args, set), "KEY=VALUE",
      "override one key of the configuration; may be repeated", 0, 0 },
    { "ready-fd", 0, OPT_INT, offsetof(struct args, ready_fd), "N",
      "write \"ready URL\" to this descriptor once requests are served", 0, 1 << 20 },
    { "backup", 0, OPT_TEXT, offsetof(struct args, maintain.backup), "DIR",
      "do not serve: copy the store into DIR, see `minos backup --help`", 0, 0 },
    { "restore", 0, OPT_TEXT, offsetof(struct args, maintain.restore), "DIR",
      "do not serve: make a store of a backup, see `minos restore --help`", 0, 0 },
    { "verify", 0, OPT_FLAG, offsetof(struct args, maintain.verify), NULL,
      "with --restore: read and compare the backup, change nothing", 0, 0 },
    { "replace", 0, OPT_FLAG, offsetof(struct args, maintain.replace), NULL,
      "with --restore: put a database that is there aside", 0, 0 },
    { "fsck", 0, OPT_FLAG, offsetof(struct args, maintain.fsck), NULL,
      "do not serve: check the store, see `minos fsck --help`", 0, 0 },
    { "quick", 0, OPT_FLAG, offsetof(struct args, maintain.quick), NULL,
      "with --fsck: do not read all bytes", 0, 0 },
    { "repair", 0, OPT_FLAG, offsetof(struct args, maintain.repair), NULL,
      "with --fsck: mend what is safe", 0, 0 },
    { "json", 0, OPT_FLAG, offsetof(struct args, maintain.json), NULL,
      "say as JSON what came of these", 0, 0 },
    { "listen-fd", 0, OPT_INT, offsetof(struct args, listen_fd), "N",
      "serve on this socket, which listens already, instead of\nserver.listen (systemd passes one "
      "by "
      "itself)",
      0, 1 << 20 },
    { "help", 'h', OPT_FLAG, offsetof(struct args, help), NULL, "show this help", 0, 0 },
    { "version", 'V', OPT_FLAG, offsetof(struct args, version), NULL, "show the version", 0, 0 },
};

static const struct opt_spec spec = {
    .usage = "minos-server [OPTION]...",
    .about = "Serve the HTTP API of Minos. Usually started by `minos up` or systemd.",
    .rows = rows,
    .row_count = ARRAY_COUNT(rows),
    .after = "It stops cleanly on SIGTERM and SIGINT, and reads its configuration anew on SIGHUP.\n"
             "Exit status: 0 stopped as asked, 1 failed, 2 wrong usage or configuration; with "
             "--backup,\n"
             "--restore and --fsck as their commands have it.\n",
};

/* As many descriptors as the connections need, never fewer than we have; and no more connections
 * than there are descriptors for, since the store needs some, too. */
static void raise_fd_limit(const struct server *srv, struct conf *conf)
{
    struct rlimit r;
    rlim_t want = (rlim_t)conf->server_connections + SPARE_FDS;
    if (getrlimit(RLIMIT_NOFILE, &r) != 0 || r.rlim_cur >= want)
        return;
    r.rlim_cur = want < r.rlim_max ? want : r.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &r);
    if (r.rlim_cur >= want)
        return;
    int64_t have = (int64_t)r.rlim_cur, least = 2 * conf->server_threads;
    int64_t fit = have > 2 * SPARE_FDS ? have - SPARE_FDS : have / 2;
    conf->server_connections = fit > least ? fit : least;
    log_event(&srv->log, LOG_WARN, "few_descriptors",
              "have=%lld want=%llu connections=%lld mend=\"raise LimitNOFILE= of the unit, or "
              "ulimit -n\"",
              (long long)have, (unsigned long long)want, (long long)conf->server_connections);
}

static void reload(struct server *srv, const struct args *a, struct generation **newest)
{
    auto_conf_change_ struct conf_change change = { 0 };
    struct err e;
    if (reload_conf(srv, a->config, &a->set, newest, &change, &e) != 0)
        conf_reload_refuse(&srv->log, (int)a->ready_fd, &e);
    else
        conf_reload_say(&srv->log, (int)a->ready_fd, &change, "");
}

static void wait_for_end(struct server *srv, const struct args *a, int signal_fd,
                         struct generation **newest)
{
    struct signalfd_siginfo si = { 0 };
    for (;;) {
        ssize_t n = read(signal_fd, &si, sizeof si);
        if (n < 0 && errno == EINTR)
            continue;
        if (n != (ssize_t)sizeof si || si.ssi_signo != SIGHUP)
            return;
        reload(srv, a, newest);
    }
}

/* Blocked before any thread exists, so that all inherit it and only the signalfd sees them. */
static int open_signals(int *ret_fd, struct err *e)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    struct sigaction ignore = { .sa_handler = SIG_IGN };
    if (sigaction(SIGPIPE, &ignore, NULL) != 0 || sigprocmask(SIG_BLOCK, &set, NULL) != 0)
        return err_sys(e, "signals");
    *ret_fd = signalfd(-1, &set, SFD_CLOEXEC);
    return *ret_fd < 0 ? err_sys(e, "signalfd") : 0;
}

static int serve(const struct args *a, struct conf *conf, struct log *log, struct err *e)
{
    struct server srv = { .conf = conf, .log = *log, .listen_fd = (int)a->listen_fd };
    auto_fd_ int signal_fd = -1;
    if (srv.listen_fd < 0 && listen_passed(&srv.listen_fd, e) != 0)
        return -1;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return err_sys(e, "no_new_privs");
    json_object_seed(0); /* before threads exist */
    prompt_ask(false);
    if (files_allow(OPEN_FILES_LEAST, e) != 0)
        return -1;
    raise_fd_limit(&srv, conf);
    if (open_signals(&signal_fd, e) != 0 || serve_start(&srv, e) != 0)
        return -1;
    malloc_trim(0); /* what the start alone needed */
    ready_keep((int)a->ready_fd);
    ready_tell((int)a->ready_fd, srv.url);
    struct generation *newest = NULL;
    wait_for_end(&srv, a, signal_fd, &newest);
    serve_stop(&srv);
    generations_free(newest);
    return 0;
}

static int run(const struct args *a, struct conf *conf, struct log *log, int *ret_status,
               struct err *e)
{
    if (conf_load_args(conf, a->config, &a->set, e) != 0)
        return -1;
    log->level = conf_level(conf);
    *ret_status = 0;
    if (maintain_wanted(&a->maintain))
        return maintain_run(&a->maintain, conf, ret_status, e);
    return serve(a, conf, log, e);
}

/* To a person who asked for one thing, or into a log. */
static int fail(const struct args *a, const struct log *log, const struct err *e)
{
    if (maintain_wanted(&a->maintain)) {
        fprintf(stderr, "minos-server: %s\n", e->msg);
        return e->kind == ERR_INPUT ? 2 : 3;
    }
    log_error(log, "failed", e);
    return e->kind == ERR_INPUT ? 2 : 1;
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
    struct args a = { .ready_fd = -1, .listen_fd = -1 };
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
    int status = 0;
    if (run(&a, &conf, &log, &status, &e) != 0)
        status = fail(&a, &log, &e);
    conf_done(&conf);
    return status;
}
