/*
 * data.c - `minos backup`, `minos restore`, `minos fsck`: minos-server does the work, as the owner
 * of the data directory, since what is in there was written by him; the `minos` process.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sandbox/base/cleanup.h"
#include "sandbox/base/conf.h"
#include "server/cli/cli.h"
#include "server/cli/data_args.h"
#include "server/cli/up.h"

struct args {
    struct data_args data;
    bool verify, replace, quick, repair;
};

#define DATA_EXIT_HELP "Exit status: 0 done, 2 usage or input error, 3 it failed.\n"

static const struct opt_row backup_rows[] = { DATA_ROWS, CLI_JSON_ROW, CLI_HELP_ROW };
static const struct opt_spec backup_spec = {
    .usage = "minos backup [OPTION]... DIR",
    .about = "Copies everything that the service remembers into DIR, which must not exist: one "
             "moment of the\ndatabase, each blob that it refers to, and admin.key. The service may "
             "run meanwhile. All is read back\nand compared; the file `manifest` is written last, "
             "and a backup without it is none.",
    .rows = backup_rows,
    .row_count = ARRAY_COUNT(backup_rows),
    .after = DATA_EXIT_HELP,
};

static const struct opt_row restore_rows[] = {
    { "verify", 0, OPT_FLAG, offsetof(struct args, verify), NULL,
      "read the backup and compare it, change nothing", 0, 0 },
    { "replace", 0, OPT_FLAG, offsetof(struct args, replace), NULL,
      "where there is a database, keep it as minos.db.replaced", 0, 0 },
    DATA_ROWS,
    CLI_JSON_ROW,
    CLI_HELP_ROW,
};
static const struct opt_spec restore_spec = {
    .usage = "minos restore [OPTION]... DIR",
    .about = "Makes a data directory of the backup DIR, once all of that was read and compared. "
             "The service must not\nrun. One that is interrupted is taken up again by the next; "
             "until then the service refuses to start there.",
    .rows = restore_rows,
    .row_count = ARRAY_COUNT(restore_rows),
    .after = DATA_EXIT_HELP,
};

static const struct opt_row fsck_rows[] = {
    { "quick", 0, OPT_FLAG, offsetof(struct args, quick), NULL,
      "look at rows, names and sizes, but do not read all bytes", 0, 0 },
    { "repair", 0, OPT_FLAG, offsetof(struct args, repair), NULL,
      "mend what is safe to mend; the service must not run", 0, 0 },
    DATA_ROWS,
    CLI_JSON_ROW,
    CLI_HELP_ROW,
};
static const struct opt_spec fsck_spec = {
    .usage = "minos fsck [OPTION]...",
    .about = "Checks everything that must hold over the data: the pages of the database, every "
             "submission with its\nverdict, results, place in the queue and counters, every blob "
             "with its bytes. Says what is wrong, with\nexamples and the mend. The service may run "
             "meanwhile: it looks at one moment, and writes nothing.",
    .rows = fsck_rows,
    .row_count = ARRAY_COUNT(fsck_rows),
    .after = "Exit status: 0 all is well (or repaired), 1 something is wrong, 2 usage or input "
             "error, 3 it could\nnot be checked. Waste costs room and nothing else: it does not "
             "count as wrong.\n",
};

/* ---- running minos-server */

/* The owner of the data; *ret_ids is NULL for root, whose data nobody else can have written. */
static int find_owner(const char *data_dir, struct up_ids *ids, const struct up_ids **ret_ids,
                      struct err *e)
{
    struct stat st;
    if (stat(data_dir, &st) < 0)
        return err_set(e, ERR_INPUT, errno, "data directory %s", data_dir);
    *ids = (struct up_ids){ st.st_uid, st.st_gid };
    if (geteuid() != 0 && geteuid() != st.st_uid)
        return err_input(e, "%s belongs to user %u: run this as that user, or as root", data_dir,
                         st.st_uid);
    *ret_ids = st.st_uid == 0 ? NULL : ids;
    return 0;
}

/* Run `minos-server ARGV` to its end; its exit status is ours. */
static int run_server(char **argv, const struct up_ids *ids, int *ret_status, struct err *e)
{
    auto_free_ char *path = NULL;
    pid_t pid = 0;
    int status = 0;
    if (cli_find_program("minos-server", &path, e) < 0)
        return -1;
    const struct up_launch l = { .path = path,
                                 .argv = argv,
                                 .envp = environ,
                                 .ids = ids,
                                 .cwd = "/",
                                 .out_fd = STDOUT_FILENO,
                                 .ready_fd = -1 };
    if (up_launch(&l, &pid, e) < 0)
        return -1;
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return err_sys(e, "wait for minos-server");
    if (!WIFEXITED(status))
        return err_set(e, ERR_SYS, 0, "minos-server was ended by signal %d", WTERMSIG(status));
    *ret_status = WEXITSTATUS(status);
    return 0;
}

static void push_options(char ***argv, const struct args *a, const struct conf *conf,
                         const char *data_dir)
{
    auto_free_ char *pair = xasprintf("store.data_dir=%s", data_dir);
    up_push(argv, "minos-server");
    if (conf->file != NULL) {
        auto_free_ char *file = realpath(conf->file, NULL);
        up_push(argv, "--config");
        up_push(argv, file != NULL ? file : conf->file);
    }
    for (size_t i = 0; i < a->data.sets.count; i++) {
        up_push(argv, "--set");
        up_push(argv, a->data.sets.items[i]);
    }
    up_push(argv, "--set");
    up_push(argv, pair);
    if (a->data.common.json)
        up_push(argv, "--json");
}

static int one_operand(int argc, int first, struct err *e)
{
    return argc - first == 1 ? 0 : err_input(e, "expected one directory, the backup");
}

/* ---- backup */

/* Absolute, since the child works elsewhere. */
static int full_path(const char *path, char **ret, struct err *e)
{
    *ret = realpath(path, NULL);
    return *ret == NULL ? err_set(e, ERR_INPUT, errno, "%s", path) : 0;
}

/* Ours to make, his to fill. */
static int make_target(const char *dir, const struct up_ids *ids, struct err *e)
{
    if (mkdir(dir, 0700) < 0)
        return err_set(e, ERR_INPUT, errno, "%s: expected a directory that does not exist yet",
                       dir);
    auto_fd_ int fd = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 || (ids != NULL && geteuid() == 0 && fchown(fd, ids->uid, ids->gid) < 0))
        return err_sys(e, "give %s to user %u", dir, ids != NULL ? ids->uid : 0);
    return 0;
}

static int check_reach(const char *dir, const struct up_ids *ids, struct err *e)
{
    if (ids == NULL || up_can_read_dir(dir, ids))
        return 0;
    return err_input(e,
                     "user %u, who owns the data, cannot reach %s: name a directory whose parents "
                     "he may enter",
                     ids->uid, dir);
}

static int backup(const struct args *a, const char *dir, struct conf *conf, int *ret_status,
                  struct err *e)
{
    struct up_ids owner;
    const struct up_ids *ids = NULL;
    auto_free_ char *data = NULL, *target = NULL;
    if (data_configure(&a->data, conf, e) < 0 ||
        find_owner(conf->store_data_dir, &owner, &ids, e) < 0 ||
        full_path(conf->store_data_dir, &data, e) < 0 || make_target(dir, ids, e) < 0 ||
        full_path(dir, &target, e) < 0)
        return -1;
    if (check_reach(target, ids, e) < 0) {
        rmdir(target);
        return -1;
    }
    char **argv = NULL;
    push_options(&argv, a, conf, data);
    up_push(&argv, "--backup");
    up_push(&argv, target);
    int r = run_server(argv, ids, ret_status, e);
    up_vector_free(argv);
    rmdir(target); /* if nothing came into it */
    return r;
}

int command_backup(int argc, char **argv)
{
    struct args args = { 0 };
    struct conf conf;
    int first, status;
    struct err e;
    if (!cli_begin(&backup_spec, argc, argv, &args, &first, &status))
        return status;
    conf_init(&conf);
    if (one_operand(argc, first, &e) < 0 || backup(&args, argv[first], &conf, &status, &e) < 0)
        status = cli_fail("backup", &e);
    conf_done(&conf);
    return status;
}

/* ---- restore */

static int run_restore(const struct args *a, const struct conf *conf, const char *dir,
                       const char *data, const struct up_ids *ids, int *ret_status, struct err *e)
{
    char **argv = NULL;
    push_options(&argv, a, conf, data);
    up_push(&argv, "--restore");
    up_push(&argv, dir);
    if (a->verify)
        up_push(&argv, "--verify");
    if (a->replace)
        up_push(&argv, "--replace");
    int r = run_server(argv, ids, ret_status, e);
    up_vector_free(argv);
    return r;
}

/* As who may read the backup. */
static int verify(const struct args *a, const struct conf *conf, const char *dir, int *ret_status,
                  struct err *e)
{
    struct up_ids owner;
    const struct up_ids *ids = NULL;
    if (find_owner(dir, &owner, &ids, e) < 0)
        return -1;
    return run_restore(a, conf, dir, dir, ids, ret_status, e);
}

/* The directory is locked as by `minos up`, which therefore cannot begin meanwhile. */
static int restore_there(const struct args *a, const struct conf *conf, const char *dir,
                         int *ret_status, struct err *e)
{
    struct up_data data = { .fd = -1, .run_fd = -1 };
    struct up_ids ids;
    struct stat st;
    const struct up_ids *who = &ids;
    if (stat(conf->store_data_dir, &st) < 0) {
        if (up_find_ids(conf->box_user, &ids, e) < 0)
            return -1;
    } else if (find_owner(conf->store_data_dir, &ids, &who, e) < 0) {
        return -1;
    }
    if (up_data_open(conf->store_data_dir, &ids, &data, e) < 0)
        return -1;
    int r = check_reach(dir, who, e);
    if (r == 0)
        r = run_restore(a, conf, dir, data.path, who, ret_status, e);
    up_data_close(&data);
    return r;
}

static int restore(const struct args *a, const char *operand, struct conf *conf, int *ret_status,
                   struct err *e)
{
    auto_free_ char *dir = NULL;
    if (data_configure(&a->data, conf, e) < 0 || full_path(operand, &dir, e) < 0)
        return -1;
    return a->verify ? verify(a, conf, dir, ret_status, e)
                     : restore_there(a, conf, dir, ret_status, e);
}

int command_restore(int argc, char **argv)
{
    struct args args = { 0 };
    struct conf conf;
    int first, status;
    struct err e;
    if (!cli_begin(&restore_spec, argc, argv, &args, &first, &status))
        return status;
    conf_init(&conf);
    if (one_operand(argc, first, &e) < 0 || restore(&args, argv[first], &conf, &status, &e) < 0)
        status = cli_fail("restore", &e);
    conf_done(&conf);
    return status;
}

/* ---- fsck */

static int fsck(const struct args *a, struct conf *conf, int *ret_status, struct err *e)
{
    struct up_ids owner;
    const struct up_ids *ids = NULL;
    auto_free_ char *data = NULL;
    char **argv = NULL;
    if (data_configure(&a->data, conf, e) < 0 ||
        find_owner(conf->store_data_dir, &owner, &ids, e) < 0 ||
        full_path(conf->store_data_dir, &data, e) < 0)
        return -1;
    push_options(&argv, a, conf, data);
    up_push(&argv, "--fsck");
    if (a->quick)
        up_push(&argv, "--quick");
    if (a->repair)
        up_push(&argv, "--repair");
    int r = run_server(argv, ids, ret_status, e);
    up_vector_free(argv);
    return r;
}

int command_fsck(int argc, char **argv)
{
    struct args args = { 0 };
    struct conf conf;
    int first, status;
    struct err e;
    if (!cli_begin(&fsck_spec, argc, argv, &args, &first, &status))
        return status;
    conf_init(&conf);
    int r = first != argc ? err_input(&e, "unexpected \"%.64s\"", argv[first])
                          : fsck(&args, &conf, &status, &e);
    if (r < 0)
        status = cli_fail("fsck", &e);
    conf_done(&conf);
    return status;
}
