/* up.c - `minos up`: the whole service in the foreground, on a data directory of its own; as root,
 * or as an ordinary user, whose id is then everybody's. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sandbox/base/cleanup.h"
#include "sandbox/base/conf.h"
#include "server/cli/cli.h"
#include "server/cli/up.h"

struct args {
    struct common common;
    const char *config, *listen;
    int64_t slots;
    struct opt_list sets;
    bool hello;
};

static const struct opt_row rows[] = {
    { "listen", 'l', OPT_TEXT, offsetof(struct args, listen), "ADDRESS:PORT",
      "where to serve (server.listen); port 0 takes a free one", 0, 0 },
    { "data", 'd', OPT_TEXT, offsetof(struct common, data), "DIR",
      "data directory (store.data_dir; default: $MINOS_DATA,\nelse what the configuration says)", 0,
      0 },
    { "slots", 'n', OPT_INT, offsetof(struct args, slots), "N",
      "submissions judged at once (worker.slots; 0: one per core)", 0, 256 },
    { "config", 'c', OPT_TEXT, offsetof(struct args, config), "FILE",
      "configuration (default: $MINOS_CONFIG,\nelse " CONF_DEFAULT_FILE " where it exists)", 0, 0 },
    { "set", 's', OPT_LIST, offsetof(struct args, sets), "KEY=VALUE",
      "set one key of the configuration, as often as needed", 0, 0 },
    { "hello", 0, OPT_FLAG, offsetof(struct args, hello), NULL,
      "once it serves, judge a hello program in every\nlanguage and say how to use the service", 0,
      0 },
    CLI_JSON_ROW,
    CLI_HELP_ROW,
};

static const struct opt_spec spec = {
    .usage = "minos up [OPTION]...",
    .about =
        "Starts minos-box (as root), minos-worker, minos-server and minos-courier (all three as "
        "the "
        "user of\nbox.user, without any capability) and stays in the foreground. Prints `ready "
        "URL` "
        "on standard output\nonce it serves; logs go to standard error. The first start leaves an "
        "admin key in admin.key in the data\ndirectory. SIGTERM or Ctrl-C stops everything and "
        "leaves nothing behind. Several may run, each on a\ndirectory of its own.\n\n"
        "An ordinary user may do that too, in a control group of his own: then all run as that "
        "user.\n  systemd-run --user -p Delegate=yes --pipe minos up ...",
    .rows = rows,
    .row_count = ARRAY_COUNT(rows),
    .after = "Exit status: 0 stopped as asked, 2 usage or configuration error, 3 it could not "
             "serve.\n",
};

void up_push(char ***argv, const char *arg)
{
    size_t n = 0;
    while (*argv != NULL && (*argv)[n] != NULL)
        n++;
    *argv = xrealloc(*argv, (n + 2) * sizeof **argv);
    (*argv)[n] = xstrdup(arg);
    (*argv)[n + 1] = NULL;
}

void up_vector_free(char **argv)
{
    for (size_t i = 0; argv != NULL && argv[i] != NULL; i++)
        free(argv[i]);
    free(argv);
}

/* What the flags mean as configuration, in the order in which they count. */
static void collect_sets(const struct args *a, char ***sets)
{
    const char *data = a->common.data != NULL ? a->common.data : getenv("MINOS_DATA");
    for (size_t i = 0; i < a->sets.count; i++)
        up_push(sets, a->sets.items[i]);
    auto_free_ char *listen = xasprintf("server.listen=%s", a->listen != NULL ? a->listen : "");
    auto_free_ char *dir = xasprintf("store.data_dir=%s", data != NULL ? data : "");
    auto_free_ char *slots = xasprintf("worker.slots=%" PRId64, a->slots);
    if (a->listen != NULL)
        up_push(sets, listen);
    if (data != NULL && data[0] != '\0')
        up_push(sets, dir);
    if (a->slots >= 0)
        up_push(sets, slots);
}

static int configure(const struct args *a, char **sets, struct conf *conf, struct err *e)
{
    if (conf_load(conf, a->config, e) < 0)
        return -1;
    for (size_t i = 0; sets != NULL && sets[i] != NULL; i++)
        if (conf_set_pair(conf, sets[i], e) < 0)
            return -1;
    return conf_check(conf, e);
}

/* What of our environment the children get: the configuration, and what sanitizers read. */
static char **clean_environment(const char *data_dir, const char *languages)
{
    static const char *const kept[] = { "MINOS_",        "ASAN_OPTIONS=", "UBSAN_OPTIONS=",
                                        "LSAN_OPTIONS=", "TSAN_OPTIONS=", "GCOV_PREFIX" };
    static const char *const held[] = { "MINOS_KEY=", "MINOS_CONFIG=", "MINOS_DATA=",
                                        "MINOS_URL=" };
    char **envp = NULL;
    auto_free_ char *home = xasprintf("HOME=%s", data_dir);
    up_push(&envp, "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    up_push(&envp, "LANG=C.UTF-8");
    up_push(&envp, home);
    for (char **v = environ; v != NULL && *v != NULL; v++) {
        bool keep = false;
        for (size_t i = 0; i < ARRAY_COUNT(kept); i++)
            keep |= strncmp(*v, kept[i], strlen(kept[i])) == 0;
        for (size_t i = 0; i < ARRAY_COUNT(held); i++)
            keep &= strncmp(*v, held[i], strlen(held[i])) != 0;
        if (keep)
            up_push(&envp, *v);
    }
    if (languages != NULL) {
        auto_free_ char *variable = xasprintf("MINOS_LANGUAGES=%s", languages);
        up_push(&envp, variable);
    }
    return envp;
}

/* `--config FILE --set KEY=VALUE... --ready-fd 3`, which all take. */
static void push_common(struct up_child *c, const struct conf *conf, char **sets,
                        const char *data_dir)
{
    if (c->argv == NULL)
        return;
    auto_free_ char *dir = xasprintf("store.data_dir=%s", data_dir);
    auto_free_ char *ready = xasprintf("%d", UP_READY_FD);
    if (conf->file != NULL) {
        auto_free_ char *file = realpath(conf->file, NULL); /* children work elsewhere */
        up_push(&c->argv, "--config");
        up_push(&c->argv, file != NULL ? file : conf->file);
    }
    for (size_t i = 0; sets != NULL && sets[i] != NULL; i++) {
        up_push(&c->argv, "--set");
        up_push(&c->argv, sets[i]);
    }
    up_push(&c->argv, "--set");
    up_push(&c->argv, dir);
    up_push(&c->argv, "--ready-fd");
    up_push(&c->argv, ready);
}

static void describe_children(struct up *up, const struct conf *conf, char **sets)
{
    const char *dir = up->data.path;
    auto_free_ char *sock = xasprintf("%s/run/box.sock", dir);
    auto_free_ char *artifacts = xasprintf("%s/artifacts", dir);
    auto_free_ char *uid = xasprintf("%u", up->ids.uid);
    const char *const listen[] = { "listen", "--socket",    sock,     "--uid",
                                   uid,      "--artifacts", artifacts };
    up_push(&up->children[UP_BOX].argv, "minos-box");
    for (size_t i = 0; i < ARRAY_COUNT(listen); i++)
        up_push(&up->children[UP_BOX].argv, listen[i]);
    up_push(&up->children[UP_WORKER].argv, "minos-worker");
    up_push(&up->children[UP_SERVER].argv, "minos-server");
    if (conf->callbacks_enabled)
        up_push(&up->children[UP_COURIER].argv, "minos-courier");
    for (size_t i = UP_BOX; i <= UP_COURIER; i++)
        push_common(&up->children[i], conf, sets, dir);
    auto_free_ char *listen_fd = xasprintf("%d", UP_LISTEN_FD);
    up_push(&up->children[UP_SERVER].argv, "--listen-fd");
    up_push(&up->children[UP_SERVER].argv, listen_fd);
    for (char **arg = up->children[UP_SERVER].argv; *arg != NULL; arg++)
        up_push(&up->children[UP_SERVER_NEXT].argv, *arg);
    for (char **arg = up->children[UP_WORKER].argv; *arg != NULL; arg++)
        up_push(&up->children[UP_CHECK].argv, *arg);
    up_push(&up->children[UP_CHECK].argv, "--check-languages");
}

static void describe_hello(struct up *up)
{
    char **argv = NULL;
    up_push(&argv, "minos");
    up_push(&argv, "hello");
    up_push(&argv, up->json ? "--json" : "--introduce");
    up->children[UP_HELLO].argv = argv;
}

static int find_programs(struct up *up, struct err *e)
{
    static const struct {
        const char *name;
        bool drops;
    } wanted[] = { [UP_BOX] = { "minos-box", false },
                   [UP_WORKER] = { "minos-worker", true },
                   [UP_SERVER] = { "minos-server", true },
                   [UP_COURIER] = { "minos-courier", true },
                   [UP_SERVER_NEXT] = { "minos-server", true },
                   [UP_CHECK] = { "minos-worker", true },
                   [UP_HELLO] = { "minos", true } };
    for (size_t i = 0; i < UP_ROLE_COUNT; i++) {
        up->children[i].name = i == UP_HELLO ? "hello" : wanted[i].name;
        up->children[i].drops = wanted[i].drops;
        if (cli_find_program(wanted[i].name, &up->children[i].path, e) < 0)
            return -1;
    }
    return 0;
}

/* Where minos-worker finds the languages near to itself (worker/language_set.c); NULL: not there.
 */
static char *languages_near(const char *worker)
{
    static const char *const places[] = { "deploy/languages", "share/minos/languages" };
    int dir_len = (int)(strrchr(worker, '/') - worker);
    for (size_t i = 0; i < ARRAY_COUNT(places); i++) {
        auto_free_ char *dir = xasprintf("%.*s/../../%s", dir_len, worker, places[i]);
        if (access(dir, R_OK | X_OK) == 0)
            return take_ptr(&dir);
    }
    return NULL;
}

/* Languages below a closed directory (a source tree in /root, say) are copied for the worker;
 * *ret_dir stays NULL when it can read them, or has others to read. */
static int reach_languages(struct up *up, char **ret_dir, struct err *e)
{
    auto_free_ char *near = languages_near(up->children[UP_WORKER].path);
    const char *named = getenv("MINOS_LANGUAGES");
    if ((named != NULL && named[0] != '\0') || near == NULL || up_can_read_dir(near, &up->ids))
        return 0;
    return up_data_stage(&up->data, near, &up->ids, ret_dir, e);
}

static int prepare(struct up *up, const struct args *a, struct conf *conf, struct err *e)
{
    char **sets = NULL;
    auto_free_ char *languages = NULL;
    collect_sets(a, &sets);
    int r = configure(a, sets, conf, e);
    if (r == 0)
        r = conf_log_level(conf->log_level, &up->log.level, e);
    if (r == 0 && (find_programs(up, e) < 0 || up_find_ids(conf->box_user, &up->ids, e) < 0 ||
                   up_data_open(conf->store_data_dir, &up->ids, &up->data, e) < 0 ||
                   up_listen(conf->server_listen, &up->listen_fd, e) < 0 ||
                   reach_languages(up, &languages, e) < 0))
        r = -1;
    if (r == 0) {
        up->drain_ms = conf->worker_stop_timeout_ms;
        up->envp = clean_environment(up->data.path, languages);
        describe_children(up, conf, sets);
        if (a->hello)
            describe_hello(up);
    }
    up_vector_free(sets);
    return r;
}

static void up_done(struct up *up)
{
    close_fd(&up->listen_fd);
    up_data_close(&up->data);
    for (size_t i = 0; i < UP_ROLE_COUNT; i++) {
        free(up->children[i].path);
        up_vector_free(up->children[i].argv);
        buf_done(&up->children[i].said);
    }
    up_vector_free(up->envp);
    free(up->url);
}

int command_up(int argc, char **argv)
{
    struct args args = { .slots = -1 };
    struct up up = { .log = { "minos-up", LOG_INFO },
                     .data = { .fd = -1, .run_fd = -1 },
                     .listen_fd = -1 };
    struct conf conf;
    int first, status;
    struct err e;
    if (!cli_begin(&spec, argc, argv, &args, &first, &status))
        return status;
    conf_init(&conf);
    up.json = args.common.json;
    int r = first != argc ? err_input(&e, "unexpected \"%.64s\"", argv[first])
                          : prepare(&up, &args, &conf, &e);
    status = r < 0 ? cli_fail("up", &e) : up_supervise(&up);
    conf_done(&conf);
    up_done(&up);
    return status;
}
