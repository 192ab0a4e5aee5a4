/*
 * main.c - minos-courier: tells URLs of submissions that have ended. Two processes, so that what
 * reads strangers' answers has no store and no secret, and what has them has no network:
 *
 *     courier (store, secrets) <-- socket pair --> runner (network, libcurl)
 *
 * The runner is forked before anything is opened, and each enters its own guard.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sandbox/base/cleanup.h"
#include "sandbox/base/files.h"
#include "sandbox/base/guard.h"
#include "sandbox/base/opt.h"
#include "server/courier/courier.h"
#include "server/courier/runner.h"

enum { OPEN_FILES_LEAST = 64 }; /* beside the two of each try that is on its way */

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
      "write \"ready ...\" to this descriptor once callbacks are sent", 0, 1 << 20 },
    { "help", 'h', OPT_FLAG, offsetof(struct args, help), NULL, "show this help", 0, 0 },
    { "version", 'V', OPT_FLAG, offsetof(struct args, version), NULL, "show the version", 0, 0 },
};

static const struct opt_spec spec = {
    .usage = "minos-courier [OPTION]...",
    .about = "Sends the callbacks of submissions that have ended. Usually started by `minos up` or "
             "systemd.",
    .rows = rows,
    .row_count = ARRAY_COUNT(rows),
    .after = "It stops cleanly on SIGTERM and SIGINT, and reads its configuration anew on SIGHUP.\n"
             "Exit status: 0 stopped as asked, 1 failed, 2 wrong usage or configuration.\n",
};

static int enter(const struct log *log, enum guard_role role, const struct guard_path *paths,
                 size_t count, struct err *e)
{
    struct guard_seen seen;
    if (guard_enter(role, paths, count, &seen, e) != 0)
        return -1;
    log_event(log, LOG_INFO, "guarded", "part=%s syscalls=%zu landlock=%d",
              role == GUARD_RUNNER ? "runner" : "courier", seen.syscall_count, seen.landlock_abi);
    return 0;
}

/* What looking up names and checking certificates needs: all of /etc, since files there are
 * replaced by others of the same name. */
static int run_runner(const struct conf *conf, const struct log *log, int sock_fd, pid_t parent,
                      struct err *e)
{
    const struct guard_path paths[] = {
        { "/etc", false },
        { "/lib", false },
        { "/usr/lib", false },
        { "/usr/share/ca-certificates", false },
        { "/usr/local/share/ca-certificates", false },
        { "/usr/share/zoneinfo", false },
        { "/run/systemd/resolve", false },
        { "/run/NetworkManager", false },
        { "/run/resolvconf", false },
        { conf->callbacks_ca_file, false },
        { "/dev/urandom", false },
    };
    auto_fd_ int owned = sock_fd;
    if (prctl(PR_SET_NAME, "minos-runner") != 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) != 0)
        return err_sys(e, "prctl");
    if (getppid() != parent)
        return err_set(e, ERR_SYS, 0, "the courier has ended");
    if (enter(log, GUARD_RUNNER, paths, ARRAY_COUNT(paths), e) != 0)
        return -1;
    return runner_serve(owned, e);
}

static int run_courier(const struct courier_options *opt, struct err *e)
{
    auto_free_ char *conf_path = conf_guard_path(opt->conf);
    const struct guard_path paths[] = {
        { opt->conf->store_data_dir, true },  { conf_path, false },    { "/etc/localtime", false },
        { "/usr/share/zoneinfo", false },     { "/proc/self", false }, { "/dev/urandom", false },
        { "/sys/devices/system/cpu", false },
    };
    if (enter(&opt->log, GUARD_COURIER, paths, ARRAY_COUNT(paths), e) != 0)
        return -1;
    return courier_run(opt, e);
}

static int block_signals(struct err *e)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    struct sigaction ignore = { .sa_handler = SIG_IGN };
    if (sigaction(SIGPIPE, &ignore, NULL) != 0 || sigprocmask(SIG_BLOCK, &set, NULL) != 0)
        return err_sys(e, "signals");
    return 0;
}

static int split(struct courier_options *opt, struct err *e)
{
    int pair[2];
    pid_t self = getpid();
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
        return err_sys(e, "make a socket pair");
    pid_t pid = fork();
    if (pid < 0)
        return err_sys(e, "fork");
    if (pid == 0) {
        struct err mine = { 0 };
        close(pair[0]);
        close_fd(&opt->ready_fd);
        int rc = run_runner(opt->conf, &opt->log, pair[1], self, &mine);
        if (rc != 0)
            log_error(&opt->log, "runner_failed", &mine);
        _exit(rc != 0);
    }
    close(pair[1]);
    opt->sock_fd = pair[0];
    int rc = run_courier(opt, e);
    (void)!waitpid(pid, NULL, 0); /* its socket is closed, so it ends */
    return rc;
}

static int run(const struct args *a, struct conf *conf, struct log *log, struct err *e)
{
    if (conf_load_args(conf, a->config, &a->set, e) != 0)
        return -1;
    log->level = conf_level(conf);
    struct courier_options opt = { .conf = conf,
                                   .config_file = a->config,
                                   .sets = &a->set,
                                   .log = *log,
                                   .sock_fd = -1,
                                   .ready_fd = (int)a->ready_fd };
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return err_sys(e, "no_new_privs");
    return files_allow(OPEN_FILES_LEAST + 2 * conf->callbacks_concurrent, e) != 0 ||
                   block_signals(e) != 0
               ? -1
               : split(&opt, e);
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
    struct log log = { "minos-courier", LOG_INFO };
    struct conf conf;
    struct err e = { 0 };
    if (parse_args(argc, argv, &a, &e) != 0) {
        fprintf(stderr, "minos-courier: %s\nTry `minos-courier --help`.\n", e.msg);
        return 2;
    }
    if (a.help) {
        auto_buf_ struct buf b = { 0 };
        opt_help(&spec, &b);
        fputs(buf_text(&b), stdout);
        return 0;
    }
    if (a.version) {
        puts("minos-courier " MINOS_VERSION);
        return 0;
    }
    conf_init(&conf);
    int rc = run(&a, &conf, &log, &e);
    if (rc != 0)
        log_error(&log, "failed", &e);
    conf_done(&conf);
    return rc == 0 ? 0 : e.kind == ERR_INPUT ? 2 : 1;
}
