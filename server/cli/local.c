/* local.c - the commands that need no server: `minos run` and `minos doctor` become minos-box,
 * `minos config` prints; the `minos` process. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "sandbox/base/cleanup.h"
#include "sandbox/base/conf.h"
#include "server/cli/cli.h"
#include "server/cli/text.h"

/* Become `minos-box COMMAND ARGS...`, whose options, help and exit status are the command's. */
static int become_box(int argc, char **argv)
{
    struct err e;
    auto_free_ char *program = NULL;
    if (cli_find_program("minos-box", &program, &e) < 0)
        return cli_fail(argv[0], &e);
    auto_free_ char **args = xcalloc((size_t)argc + 2, sizeof args[0]);
    args[0] = program;
    memcpy(args + 1, argv, (size_t)argc * sizeof args[0]);
    execv(program, args);
    err_sys(&e, "%s", program);
    return cli_fail(argv[0], &e);
}

int command_run(int argc, char **argv)
{
    return become_box(argc, argv);
}

int command_doctor(int argc, char **argv)
{
    return become_box(argc, argv);
}

struct config_args {
    struct common common;
    bool manual;
};

static const struct opt_row config_rows[] = {
    { "manual", 0, OPT_FLAG, offsetof(struct config_args, manual), NULL,
      "print the keys as the manual page has them (troff)", 0, 0 },
    CLI_JSON_ROW,
    CLI_HELP_ROW,
};

static const struct opt_spec config_spec = {
    .usage = "minos config [OPTION]...",
    .about = "Prints an example minos.yaml: every key with its meaning, unit, range and default.\n"
             "Put what you change into " CONF_DEFAULT_FILE ".",
    .rows = config_rows,
    .row_count = ARRAY_COUNT(config_rows),
    .after = CLI_EXIT_HELP,
};

static int print_config(const struct config_args *args, struct err *e)
{
    auto_buf_ struct buf b = { 0 };
    if (args->manual)
        conf_manual(&b);
    else
        conf_example(&b);
    if (!args->common.json)
        return cli_print(buf_text(&b), e);
    json_t *o = json_pack("{s:s}", "minos.yaml", buf_text(&b));
    int r = text_print_json(o, e);
    json_decref(o);
    return r;
}

int command_config(int argc, char **argv)
{
    struct config_args args = { 0 };
    int first, status;
    struct err e;
    if (!cli_begin(&config_spec, argc, argv, &args, &first, &status))
        return status;
    return print_config(&args, &e) < 0 ? cli_fail("config", &e) : CLI_OK;
}
