/*
 * main.c - minos-box, the only privileged program: `keeper` and `listen` serve the worker, `run`
 * and `doctor` serve people.
 */
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "sandbox/base/cleanup.h"
#include "sandbox/base/conf.h"
#include "sandbox/base/log.h"
#include "sandbox/base/opt.h"
#include "sandbox/doctor.h"
#include "sandbox/keeper.h"
#include "sandbox/listen.h"
#include "sandbox/run.h"

struct args {
    bool help;
    const char *config, *artifacts, *socket;
    struct opt_list set;
    int64_t fd, slot, uid, ready_fd;
};

static const struct opt_row serve_rows[] = {
    { "config", 'c', OPT_TEXT, offsetof(struct args, config), "FILE",
      "configuration (default " CONF_DEFAULT_FILE ")", 0, 0 },
    { "set", 's', OPT_LIST, offsetof(struct args, set), "KEY=VALUE",
      "override one configuration key; may be repeated", 0, 0 },
    { "artifacts", 0, OPT_TEXT, offsetof(struct args, artifacts), "DIR",
      "where compiled artifacts lie, a directory each", 0, 0 },
    { "fd", 0, OPT_INT, offsetof(struct args, fd), "N",
      "keeper: the connected SOCK_SEQPACKET socket to serve", 0, 1 << 20 },
    { "slot", 0, OPT_INT, offsetof(struct args, slot), "N",
      "keeper: number of the slot, which chooses its cores", 0, 4096 },
    { "socket", 0, OPT_TEXT, offsetof(struct args, socket), "PATH", "listen: the socket to make", 0,
      0 },
    { "uid", 0, OPT_INT, offsetof(struct args, uid), "ID",
      "listen: the user that is served, beside root", 0, INT64_C(4294967294) },
    { "ready-fd", 0, OPT_INT, offsetof(struct args, ready_fd), "N",
      "listen: write \"ready PATH\" here once it serves", 0, 1 << 20 },
    { "help", 'h', OPT_FLAG, offsetof(struct args, help), NULL, "show this", 0, 0 },
};

static const struct opt_spec serve_spec = {
    .usage = "minos-box keeper --fd N [OPTION]...\n       minos-box listen --socket PATH --uid ID "
             "[OPTION]...\n"
             "       minos-box run ... | doctor ...   (see minos-box run --help)",
    .about = "Builds single-use cells and runs programs in them. `keeper` serves one connected "
             "client, `listen` forks a\n"
             "keeper for each connection of one user. Needs root.",
    .rows = serve_rows,
    .row_count = ARRAY_COUNT(serve_rows),
    .after = "Exit status: 0 when the client left or SIGTERM came, 1 when it could not serve, 2 "
             "for wrong usage.",
};

static int usage_error(const struct err *e)
{
    fprintf(stderr, "minos-box: %s\n", e->msg);
    return 2;
}

static int show_help(void)
{
    auto_buf_ struct buf b;
    buf_init(&b, 0);
    opt_help(&serve_spec, &b);
    fputs(buf_text(&b), stdout);
    return 0;
}

static int serve(const char *verb, const struct args *a, struct conf *c, struct err *e)
{
    const struct log log = { .program = "minos-box", .level = conf_level(c) };
    if (strcmp(verb, "keeper") == 0) {
        if (a->fd < 0) {
            err_input(e, "keeper: --fd is needed");
            return usage_error(e);
        }
        struct keeper_options o = {
            .conf = c, .log = &log, .artifacts = a->artifacts, .sock = (int)a->fd, .slot = a->slot
        };
        return keeper_serve(&o);
    }
    if (a->socket == NULL || a->uid < 0) {
        err_input(e, "listen: --socket and --uid are needed");
        return usage_error(e);
    }
    struct listen_options o = { .conf = c,
                                .config_file = a->config,
                                .sets = &a->set,
                                .log = &log,
                                .socket_path = a->socket,
                                .artifacts = a->artifacts,
                                .uid = (uid_t)a->uid,
                                .ready_fd = (int)a->ready_fd };
    return listen_serve(&o);
}

static int serve_main(int argc, char **argv)
{
    struct args a = { .fd = -1, .uid = -1, .ready_fd = -1 };
    struct err e;
    int first;
    if (opt_parse(&serve_spec, argc, argv, &a, &first, &e) < 0)
        return usage_error(&e);
    if (a.help)
        return show_help();
    if (first != argc) {
        err_input(&e, "%s: unexpected operand \"%s\"", argv[0], argv[first]);
        return usage_error(&e);
    }
    struct conf c;
    conf_init(&c);
    int status =
        conf_load_args(&c, a.config, &a.set, &e) < 0 ? usage_error(&e) : serve(argv[0], &a, &c, &e);
    conf_done(&c);
    return status;
}

static int version_main(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    puts("minos-box " MINOS_VERSION);
    return 0;
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*run)(int argc, char **argv);
    } verbs[] = { { "keeper", serve_main },    { "listen", serve_main },
                  { "run", run_main },         { "doctor", doctor_main },
                  { "version", version_main }, { "--version", version_main } };
    for (size_t i = 0; argc > 1 && i < ARRAY_COUNT(verbs); i++)
        if (strcmp(argv[1], verbs[i].name) == 0)
            return verbs[i].run(argc - 1, argv + 1);
    if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0))
        return show_help();
    struct err e;
    err_input(&e,
              "expected a command: keeper, listen, run, doctor or version; see minos-box --help");
    return usage_error(&e);
}
