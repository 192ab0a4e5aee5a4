/* main.c - minos-worker: the command line; supervisor and slots. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "sandbox/base/buf.h"
#include "sandbox/base/cleanup.h"
#include "sandbox/base/files.h"
#include "sandbox/base/guard.h"
#include "sandbox/base/opt.h"
#include "sandbox/base/prompt.h"
#include "sandbox/base/ready.h"
#include "worker/worker.h"

enum { OPEN_FILES_LEAST = 128 };

struct args {
    bool help, check_languages;
    const char *config, *box_socket, *box_program;
    struct opt_list set;
    int64_t slots, slot, ready_fd, held_fd;
};

static const struct opt_row rows[] = {
    { "config", 'c', OPT_TEXT, offsetof(struct args, config), "FILE",
      "configuration (default " CONF_DEFAULT_FILE ")", 0, 0 },
    { "set", 's', OPT_LIST, offsetof(struct args, set), "KEY=VALUE",
      "override one configuration key; may be repeated", 0, 0 },
    { "slots", 0, OPT_INT, offsetof(struct args, slots), "N",
      "submissions judged at once (worker.slots); 0: one per core", 0, 256 },
    { "box-socket", 0, OPT_TEXT, offsetof(struct args, box_socket), "PATH",
      "socket of `minos-box listen` (default DATA/run/box.sock)", 0, 0 },
    { "box-program", 0, OPT_TEXT, offsetof(struct args, box_program), "PATH",
      "start this minos-box for each slot instead (needs its privileges)", 0, 0 },
    { "check-languages", 0, OPT_FLAG, offsetof(struct args, check_languages), NULL,
      "read every language file, list them, and end", 0, 0 },
    { "ready-fd", 0, OPT_INT, offsetof(struct args, ready_fd), "N",
      "write \"ready ...\" here once a slot serves, and what reloads came to", 0, 1 << 20 },
    { "slot", 0, OPT_INT, offsetof(struct args, slot), "N",
      "be slot N (the supervisor starts itself with this)", 0, 255 },
    { "held-fd", 0, OPT_INT, offsetof(struct args, held_fd), "N",
      "slot: memory to note its claim in (the supervisor passes this)", 0, 1 << 20 },
    { "help", 'h', OPT_FLAG, offsetof(struct args, help), NULL, "show this", 0, 0 },
};

static const struct opt_spec spec = {
    .usage = "minos-worker [OPTION]...",
    .about = "Claims submissions from the store, compiles and runs them in cells of minos-box, and "
             "records verdicts.",
    .rows = rows,
    .row_count = ARRAY_COUNT(rows),
    .after = "Exit status: 0 after SIGTERM or SIGINT, 1 when it could not serve, 2 for wrong usage "
             "or configuration.",
};

static int load_conf(struct conf *c, const struct args *a, struct err *e)
{
    if (conf_load_args(c, a->config, &a->set, e) != 0)
        return -1;
    if (a->slots >= 0)
        c->worker_slots = a->slots;
    return 0;
}

static int check_languages(const struct worker *w)
{
    struct language_set set = { 0 };
    struct err e;
    if (worker_languages(w, &set, &e) != 0) {
        fprintf(stderr, "minos-worker: %s\n", e.msg);
        ready_report(w->ready_fd, "refused", e.msg);
        return WORKER_EXIT_FAILED;
    }
    for (size_t i = 0; i < set.count; i++)
        printf("%-12s %-24s %s\n", set.items[i].id, set.items[i].name, set.items[i].path);
    language_set_done(&set);
    return WORKER_EXIT_OK;
}

static int usage_error(const struct err *e)
{
    fprintf(stderr, "minos-worker: %s\n", e->msg);
    return WORKER_EXIT_USAGE;
}

/* Not when a keeper of our own is started, which needs what we would give up. */
static int enter_guard(const struct worker *w, struct err *e)
{
    auto_free_ char *languages = language_shipped_dir();
    auto_free_ char *conf_path = conf_guard_path(&w->conf);
    const struct guard_path paths[] = {
        { w->conf.store_data_dir, true },
        { languages, false },
        { w->conf.worker_languages_dir, false },
        { "/usr", false },
        { "/lib", false },
        { "/lib64", false },
        { "/etc/ld.so.cache", false },
        { conf_path, false },
        { "/etc/localtime", false },
        { "/proc/self", false },
        { "/proc/self/exe", false },
        { "/dev/null", true },
        { "/dev/urandom", false },
        { "/sys/devices/system/cpu", false },
    };
    struct guard_seen seen;
    if (w->box_program != NULL)
        return 0;
    (void)mkdir(w->conf.store_data_dir, 0700); /* Landlock takes only what is there */
    enum guard_role role = w->slot >= 0 ? GUARD_SLOT : GUARD_SUPERVISOR;
    if (guard_enter(role, paths, ARRAY_COUNT(paths), &seen, e) != 0)
        return -1;
    log_event(&w->log, LOG_INFO, "guarded", "slot=%lld syscalls=%zu landlock=%d",
              (long long)w->slot, seen.syscall_count, seen.landlock_abi);
    return 0;
}

static int run(struct worker *w, const struct args *a)
{
    struct err e;
    auto_free_ char *socket = xasprintf("%s/run/box.sock", w->conf.store_data_dir);
    w->box_socket = a->box_socket != NULL ? a->box_socket : socket;
    w->box_program = a->box_program;
    w->log = (struct log){ .program = "minos-worker", .level = conf_level(&w->conf) };
    w->slot = a->slot;
    w->config_file = a->config;
    w->sets = &a->set;
    w->slots = a->slots;
    w->ready_fd = (int)a->ready_fd;
    w->held_fd = (int)a->held_fd;
    if (a->check_languages)
        return check_languages(w);
    umask(077);
    if (w->slot >= 0)
        prompt_ask(true);
    /* A collected artifact may have BOX_COLLECT_FILES_MAX files, a descriptor each: with fewer only
     * large ones fail, and say so. */
    if (files_allow(OPEN_FILES_LEAST, &e) != 0 || enter_guard(w, &e) != 0) {
        log_error(&w->log, "worker_cannot_start", &e);
        return WORKER_EXIT_FAILED;
    }
    return w->slot >= 0 ? slot_run(w) : supervisor_run(w);
}

int main(int argc, char **argv)
{
    struct args a = { .slots = -1, .slot = -1, .ready_fd = -1, .held_fd = -1 };
    struct worker w = { .argv = argv, .argc = argc };
    struct err e;
    int first = argc;
    if (opt_parse(&spec, argc, argv, &a, &first, &e) != 0)
        return usage_error(&e);
    if (a.help) {
        auto_buf_ struct buf help;
        buf_init(&help, 0);
        opt_help(&spec, &help);
        fputs(buf_text(&help), stdout);
        return WORKER_EXIT_OK;
    }
    if (first < argc) {
        err_input(&e, "unexpected operand \"%s\"", argv[first]);
        return usage_error(&e);
    }
    conf_init(&w.conf);
    int status;
    if (load_conf(&w.conf, &a, &e) != 0) {
        if (a.check_languages)
            ready_report((int)a.ready_fd, "refused", e.msg);
        status = usage_error(&e);
    } else {
        status = run(&w, &a);
    }
    conf_done(&w.conf);
    return status;
}
