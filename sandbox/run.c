/*
 * run.c - `minos-box run`: one command in a cell, its output passed on, a report at the end.
 */
#include "sandbox/run.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sandbox/base/cleanup.h"
#include "sandbox/base/io.h"
#include "sandbox/hire.h"
#include "sandbox/run_report.h"
#include "sandbox/run_stdin.h"

/* What the exit status says beside the command's own exit code. EXIT(id, number, meaning) */
#define RUN_EXITS(EXIT)                                                                            \
    EXIT(TIME, 120, "stopped: cpu time, wall time or idle time")                                   \
    EXIT(MEMORY, 121, "stopped: memory")                                                           \
    EXIT(OUTPUT, 122, "stopped: too much output")                                                  \
    EXIT(PROCESSES, 123, "stopped: processes")                                                     \
    EXIT(SECCOMP, 124, "stopped: a system call that only attacks make")                            \
    EXIT(FAILED, 125, "wrong usage, or Minos itself failed; nothing can be said about COMMAND")    \
    EXIT(CANNOT, 126, "COMMAND could not be executed")                                             \
    EXIT(MISSING, 127, "COMMAND was not found in the image")

enum {
#define EXIT(id, number, meaning) RUN_EXIT_##id = (number),
    RUN_EXITS(EXIT)
#undef EXIT
        RUN_EXIT_SIGNAL = 128,
};

struct args {
    struct limits limits; /* -1: not given */
    const char *image, *stdin_path, *report_path;
    struct opt_list image_dirs, files, env;
    struct hire_options hire;
    bool json, quiet, help;
};

/* The option of each limit: name and letter. A new row of limits.def does not compile without. */
#define NAME_cpu_time_ms "time", 't'
#define NAME_wall_time_ms "wall", 'w'
#define NAME_memory_bytes "memory", 'm'
#define NAME_process_count "processes", 'p'
#define NAME_output_bytes "output", 'o'
#define NAME_file_bytes "files", 0
#define NAME_stack_bytes "stack", 0
#define KIND_TIME OPT_TIME_MS
#define KIND_BYTES OPT_BYTES
#define KIND_COUNT OPT_INT
#define VALUE_TIME "TIME"
#define VALUE_BYTES "SIZE"
#define VALUE_COUNT "N"

static const struct opt_row rows[] = {
#define LIMIT(name, kind, unit, min, run, compile, ceiling, help)                                  \
    { NAME_##name, KIND_##kind, offsetof(struct args, limits.name), VALUE_##kind, help,            \
      min,         INT64_MAX },
#include "sandbox/base/limits.def"
#undef LIMIT
    { "image", 'i', OPT_TEXT, offsetof(struct args, image), "NAME",
      "root file system of the cell: host, one of the configuration,\nor dir:PATH", 0, 0 },
    { "image-dir", 0, OPT_LIST, offsetof(struct args, image_dirs), "NAME=PATH",
      "make the root file system at PATH an image; the last one is\nchosen unless --image is given",
      0, 0 },
    { "file", 'f', OPT_LIST, offsetof(struct args, files), "NAME=PATH",
      "put a copy of PATH into /box as NAME (default: its last part)", 0, 0 },
    { "env", 'e', OPT_LIST, offsetof(struct args, env), "NAME=VALUE",
      "set a variable in the cell, beside PATH, HOME and LANG", 0, 0 },
    { "stdin", 0, OPT_TEXT, offsetof(struct args, stdin_path), "FILE",
      "read from FILE (default: this command's standard input)", 0, 0 },
    { "report", 'r', OPT_TEXT, offsetof(struct args, report_path), "FILE",
      "write the report to FILE instead of standard error", 0, 0 },
    { "json", 'j', OPT_FLAG, offsetof(struct args, json), NULL, "make the report one line of JSON",
      0, 0 },
    { "quiet", 'q', OPT_FLAG, offsetof(struct args, quiet), NULL, "no report", 0, 0 },
    HIRE_ROWS(struct args, hire),
    { "help", 'h', OPT_FLAG, offsetof(struct args, help), NULL, "show this", 0, 0 },
};

static const char after[] =
    "Sizes are 64K, 256M, 1G; times 200ms, 1.5s, 2m. What is not given comes from the\n"
    "configuration's limits.*, and nothing may be above its ceilings.*.\n"
    "\n"
    "The command runs in /box as an ordinary user without network. Its standard output and\n"
    "standard error are passed on; the report follows on standard error. A COMMAND that begins\n"
    "with ./ is taken from the current directory, as with --file. Standard input is read ahead\n"
    "of the command; give --stdin /dev/null to leave yours alone.\n"
    "\n"
    "Exit status: the command's own exit code when it ended by itself, else\n"
#define EXIT(id, number, meaning) "  " #number "  " meaning "\n"
    RUN_EXITS(EXIT)
#undef EXIT
        "  128+N  ended by signal N, or cancelled by signal N to this command\n"
        "An exit code of 120 or above is told apart by the report.";

static const struct opt_spec spec = {
    .usage = "minos run [OPTION]... [--] COMMAND [ARGUMENT]...",
    .about =
        "Run one command in a cell of its own, which is destroyed afterwards. Needs root, but\n"
        "no server.",
    .rows = rows,
    .row_count = ARRAY_COUNT(rows),
    .after = after,
    .stop_at_operand = true,
};

/* --- files and environment -------------------------------------------------------------------- */

struct job {
    const struct args *args;
    char **argv;
    struct conf conf;
    struct run_stdin input;
    struct box_file files[BOX_FILES_MAX];
    size_t file_count;
    const char *env[OPT_LIST_MAX + 8];
    int report_fd; /* -1: none */
};

/* What the keeper would refuse in words of the protocol. */
static int check_name(const struct job *j, const char *name, struct err *e)
{
    size_t len = strlen(name);
    if (len < 1 || len > BOX_NAME_MAX || strchr(name, '/') != NULL || strcmp(name, ".") == 0 ||
        strcmp(name, "..") == 0)
        return err_input(e,
                         "--file: expected a name of 1 to %d bytes without '/', not \".\" or "
                         "\"..\", got \"%.64s\"",
                         BOX_NAME_MAX, name);
    for (size_t i = 0; i < j->file_count; i++)
        if (strcmp(j->files[i].name, name) == 0)
            return err_input(e, "--file: there are two files of the name %.64s", name);
    return 0;
}

static int add_file(struct job *j, const char *name, const char *path, struct err *e)
{
    if (j->file_count == BOX_FILES_MAX)
        return err_input(e, "--file: more than %d", BOX_FILES_MAX);
    if (check_name(j, name, e) < 0)
        return -1;
    /* Not blocking on a fifo that somebody put there. */
    auto_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) < 0)
        return err_sys(e, "--file: open %s", path);
    if (!S_ISREG(st.st_mode))
        return err_input(e, "--file: %s: expected a regular file", path);
    j->files[j->file_count++] = (struct box_file){ .name = name,
                                                   .fd = take_fd(&fd),
                                                   .executable = (st.st_mode & 0111) != 0 };
    return 0;
}

static int add_files(struct job *j, struct err *e)
{
    for (size_t i = 0; i < j->args->files.count; i++) {
        const char *item = j->args->files.items[i];
        const char *equals = strchr(item, '=');
        const char *slash = strrchr(item, '/');
        if (equals == NULL) {
            if (add_file(j, slash != NULL ? slash + 1 : item, item, e) < 0)
                return -1;
            continue;
        }
        /* The name is cut out of argv, which is ours. */
        ((char *)(uintptr_t)item)[equals - item] = '\0';
        if (add_file(j, item, equals + 1, e) < 0)
            return -1;
    }
    return 0;
}

/* `minos run -- ./prog` means the program here, which the cell does not have. */
static int add_own_program(struct job *j, struct err *e)
{
    const char *path = j->argv[0];
    if (strncmp(path, "./", 2) != 0 || strchr(path + 2, '/') != NULL || access(path, F_OK) < 0)
        return 0;
    for (size_t i = 0; i < j->file_count; i++)
        if (strcmp(j->files[i].name, path + 2) == 0)
            return 0;
    return add_file(j, path + 2, path, e);
}

/* The defaults that --env does not name, then --env. */
static void build_env(struct job *j)
{
    static const char *const defaults[] = { "PATH=/usr/local/bin:/usr/bin:/bin", "HOME=/box",
                                            "LANG=C.UTF-8" };
    const struct opt_list *given = &j->args->env;
    size_t count = 0;
    for (size_t i = 0; i < ARRAY_COUNT(defaults); i++) {
        size_t name_len = strcspn(defaults[i], "=") + 1;
        bool replaced = false;
        for (size_t k = 0; k < given->count; k++)
            replaced = replaced || strncmp(given->items[k], defaults[i], name_len) == 0;
        if (!replaced)
            j->env[count++] = defaults[i];
    }
    for (size_t k = 0; k < given->count; k++)
        j->env[count++] = given->items[k];
}

/* --- output and signals ----------------------------------------------------------------------- */

/* A sink that writes on; a reader that has gone away ends the command. */
static int pass_on(void *ctx, const void *data, size_t len)
{
    int fd = *(const int *)ctx;
    const char *p = data;
    while (len > 0) {
        ssize_t n = write(fd, p, len);
        if (n >= 0) {
            p += n;
            len -= (size_t)n;
        } else if (errno == EAGAIN) {
            struct pollfd wait = { .fd = fd, .events = POLLOUT };
            (void)poll(&wait, 1, -1);
        } else if (errno != EINTR) {
            return -1;
        }
    }
    return 0;
}

/* The signals that mean "stop"; SIGPIPE is held back so that a write can fail instead. */
static int watch_signals(int *ret_fd, struct err *e)
{
    sigset_t stops, held;
    sigemptyset(&stops);
    sigaddset(&stops, SIGINT);
    sigaddset(&stops, SIGTERM);
    sigaddset(&stops, SIGHUP);
    held = stops;
    sigaddset(&held, SIGPIPE);
    if (sigprocmask(SIG_BLOCK, &held, NULL) < 0)
        return err_sys(e, "sigprocmask");
    *ret_fd = signalfd(-1, &stops, SFD_CLOEXEC | SFD_NONBLOCK);
    return *ret_fd < 0 ? err_sys(e, "signalfd") : 0;
}

struct stopper {
    int fd;
    int signal; /* the one that came, 0: none */
};

static enum box_cause check_signals(void *ctx)
{
    struct stopper *s = ctx;
    struct signalfd_siginfo info;
    if (read(s->fd, &info, sizeof info) != (ssize_t)sizeof info)
        return BOX_CAUSE_NONE;
    s->signal = (int)info.ssi_signo;
    return BOX_CAUSE_CANCEL;
}

/* --- the run ---------------------------------------------------------------------------------- */

static int start_status(int exec_errno)
{
    return exec_errno == ENOENT ? RUN_EXIT_MISSING : RUN_EXIT_CANNOT;
}

static int exit_status(const struct box_outcome *o, int stop_signal)
{
    if (!o->started && o->cause == BOX_CAUSE_NONE)
        return start_status(o->exec_errno);
    switch (o->cause) {
    case BOX_CAUSE_CPU:
    case BOX_CAUSE_WALL:
    case BOX_CAUSE_IDLE:
        return RUN_EXIT_TIME;
    case BOX_CAUSE_MEMORY:
        return RUN_EXIT_MEMORY;
    case BOX_CAUSE_OUTPUT:
        return RUN_EXIT_OUTPUT;
    case BOX_CAUSE_PROCESSES:
        return RUN_EXIT_PROCESSES;
    case BOX_CAUSE_SECCOMP:
        return RUN_EXIT_SECCOMP;
    case BOX_CAUSE_ENOUGH: /* our own output has lost its reader */
        return RUN_EXIT_SIGNAL + SIGPIPE;
    case BOX_CAUSE_CANCEL:
        return RUN_EXIT_SIGNAL + stop_signal;
    case BOX_CAUSE_PEER:
    case BOX_CAUSE_NONE:
        break;
    }
    return o->exited ? o->exit_code : RUN_EXIT_SIGNAL + o->signal;
}

static void report(const struct job *j, const struct box_outcome *o, const struct limits *limits,
                   const struct box_proof *proof)
{
    auto_buf_ struct buf b;
    buf_init(&b, 0);
    if (j->report_fd < 0)
        return;
    if (j->args->json)
        run_report_json(o, limits, proof, &b);
    else
        run_report_text(o, limits, proof, &b);
    (void)pass_on((void *)(uintptr_t)&j->report_fd, buf_text(&b), b.len);
}

static struct limits limits_of(const struct job *j)
{
    struct limits l = j->args->limits;
    for (size_t i = 0; i < limits_count; i++)
        if (limits_get(&l, &limits_table[i]) < 0)
            *limits_at(&l, &limits_table[i]) = limits_get(&j->conf.limits, &limits_table[i]);
    return l;
}

/* "dir:PATH" in place of an image's name: the setting that gives PATH a name, else "". */
static int image_by_path(const char *image, char **ret_setting, struct err *e)
{
    static const char prefix[] = "dir:";
    size_t skip = sizeof prefix - 1;
    if (image == NULL || strncmp(image, prefix, skip) != 0) {
        *ret_setting = xstrdup("");
        return 0;
    }
    auto_free_ char *path = realpath(image + skip, NULL);
    if (path == NULL)
        return err_input(e, "--image: %s: %s", image, strerror(errno));
    *ret_setting = xasprintf("images.dir=%s", path);
    return 0;
}

static int hire(const struct job *j, char **ret_image, struct box **ret, struct err *e)
{
    const struct opt_list *dirs = &j->args->image_dirs;
    /* One command needs no cell in reserve, and the log would be in the way of its output. */
    const char *own[OPT_LIST_MAX + 3] = { "box.warm=0", "log.level=error" };
    char *texts[OPT_LIST_MAX];
    auto_free_ char *by_path = NULL;
    if (image_by_path(j->args->image, &by_path, e) < 0)
        return -1;
    for (size_t i = 0; i < dirs->count; i++)
        if (strchr(dirs->items[i], '=') == NULL)
            return err_input(e, "--image-dir: expected NAME=PATH, got \"%.64s\"", dirs->items[i]);
    for (size_t i = 0; i < dirs->count; i++)
        own[2 + i] = texts[i] = xasprintf("images.%s", dirs->items[i]);
    const char *last = dirs->count > 0 ? dirs->items[dirs->count - 1] : "host";
    size_t own_count = 2 + dirs->count;
    if (by_path[0] != '\0')
        own[own_count++] = by_path;
    *ret_image = by_path[0] != '\0'       ? xstrdup("dir")
                 : j->args->image != NULL ? xstrdup(j->args->image)
                                          : xstrndup(last, strcspn(last, "="));
    int r = hire_keeper(&j->args->hire, own, own_count, ret, e);
    for (size_t i = 0; i < dirs->count; i++)
        free(texts[i]);
    return r;
}

static int run_in(struct job *j, struct box *b, const char *image, int *ret_status, struct err *e)
{
    static const int out_fd = STDOUT_FILENO, err_fd = STDERR_FILENO;
    struct stopper stopper = { .fd = -1 };
    if (watch_signals(&stopper.fd, e) < 0)
        return -1;
    auto_fd_ int signal_fd = stopper.fd;
    struct box_watch watch = { .poll_fd = signal_fd, .check = check_signals, .ctx = &stopper };
    struct box_command c = {
        .image = image,
        .argv = (const char *const *)j->argv,
        .env = j->env,
        .files = j->files,
        .file_count = j->file_count,
        .limits = limits_of(j),
        .stdin_fd = j->input.fd,
        .stdout_sink = { .fd = -1, .write = pass_on, .ctx = (void *)(uintptr_t)&out_fd },
        .stderr_sink = { .fd = -1, .write = pass_on, .ctx = (void *)(uintptr_t)&err_fd },
    };
    struct box_outcome o;
    if (box_run(b, &c, 1, NULL, 0, &watch, &o, e) < 0)
        return -1;
    report(j, &o, &c.limits, box_proof(b));
    *ret_status = exit_status(&o, stopper.signal);
    return 0;
}

static int open_report(struct job *j, struct err *e)
{
    if (j->args->quiet)
        return 0;
    const char *path = j->args->report_path;
    j->report_fd = path != NULL ? open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644)
                                : fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
    return j->report_fd < 0 && path != NULL ? err_sys(e, "--report: open %s", path) : 0;
}

static int run_job(struct job *j, int *ret_status, struct err *e)
{
    if (hire_conf(&j->args->hire, &j->conf, e) < 0 || add_files(j, e) < 0 ||
        add_own_program(j, e) < 0 || open_report(j, e) < 0 ||
        run_stdin_open(j->args->stdin_path, &j->input, e) < 0)
        return -1;
    build_env(j);
    struct box *b = NULL;
    auto_free_ char *image = NULL;
    int r = hire(j, &image, &b, e);
    if (r == 0)
        r = run_in(j, b, image, ret_status, e);
    box_close(b);
    return r;
}

static int run_args(const struct args *args, char **argv)
{
    struct job j = { .args = args, .argv = argv, .input = { .fd = -1 }, .report_fd = -1 };
    struct err e;
    int status = RUN_EXIT_FAILED;
    conf_init(&j.conf);
    if (run_job(&j, &status, &e) < 0)
        fprintf(stderr, "minos run: %s\n", e.msg);
    run_stdin_close(&j.input);
    for (size_t i = 0; i < j.file_count; i++)
        close(j.files[i].fd);
    close_fd(&j.report_fd);
    conf_done(&j.conf);
    return status;
}

int run_main(int argc, char **argv)
{
    struct args args = { 0 };
    struct err e;
    int first;
    for (size_t i = 0; i < limits_count; i++)
        *limits_at(&args.limits, &limits_table[i]) = -1;
    if (opt_parse(&spec, argc, argv, &args, &first, &e) < 0) {
        fprintf(stderr, "minos run: %s\n", e.msg);
        return RUN_EXIT_FAILED;
    }
    if (args.help) {
        auto_buf_ struct buf b;
        buf_init(&b, 0);
        opt_help(&spec, &b);
        fputs(buf_text(&b), stdout);
        return 0;
    }
    if (first == argc) {
        fputs("minos run: expected a COMMAND; see minos run --help\n", stderr);
        return RUN_EXIT_FAILED;
    }
    return run_args(&args, argv + first);
}
