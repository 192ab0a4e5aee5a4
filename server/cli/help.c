/* help.c - `minos help`, `minos version` and the table of commands; the `minos` process. */
#include "server/cli/help.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "sandbox/base/cleanup.h"
#include "server/cli/cli.h"
#include "server/cli/text.h"

const struct help_command help_commands[] = {
#define COMMAND(name, function, help) { #name, function, help },
#include "server/cli/commands.def"
#undef COMMAND
};
const size_t help_command_count = ARRAY_COUNT(help_commands);

const struct help_command *help_find(const char *name)
{
    static const struct {
        const char *spelling, *name;
    } aliases[] = {
        { "--help", "help" }, { "-h", "help" }, { "--version", "version" }, { "-V", "version" }
    };
    for (size_t i = 0; i < ARRAY_COUNT(aliases); i++)
        if (strcmp(name, aliases[i].spelling) == 0)
            name = aliases[i].name;
    for (size_t i = 0; i < help_command_count; i++)
        if (strcmp(name, help_commands[i].name) == 0)
            return &help_commands[i];
    return NULL;
}

void help_overview(struct buf *b)
{
    buf_puts(b, "minos runs programs that nobody trusts and says what happened.\n\n"
                "usage: minos COMMAND [OPTION]...\n\ncommands:\n");
    for (size_t i = 0; i < help_command_count; i++)
        buf_printf(b, "  %-10s %s\n", help_commands[i].name, help_commands[i].help);
    buf_puts(b, "\n`minos COMMAND --help` explains one. Start with `minos up --help`, or, with a "
                "service running,\n`minos submit hello.c --wait`.\n\n" CLI_EXIT_HELP);
}

static const struct opt_row help_rows[] = { CLI_JSON_ROW, CLI_HELP_ROW };
static const struct opt_spec help_spec = {
    .usage = "minos help [COMMAND]",
    .about = "Without a command, lists them all; with one, shows its help.",
    .rows = help_rows,
    .row_count = ARRAY_COUNT(help_rows),
    .after = CLI_EXIT_HELP,
};

static int print_or_fail(const char *command, const char *text)
{
    struct err e;
    return cli_print(text, &e) < 0 ? cli_fail(command, &e) : CLI_OK;
}

static int help_as_json(void)
{
    json_t *list = json_array();
    for (size_t i = 0; i < help_command_count; i++)
        json_array_append_new(list, json_pack("{s:s, s:s}", "name", help_commands[i].name, "help",
                                              help_commands[i].help));
    json_t *root = json_pack("{s:o}", "commands", list);
    struct err e;
    int r = text_print_json(root, &e);
    json_decref(root);
    return r < 0 ? cli_fail("help", &e) : CLI_OK;
}

int command_help(int argc, char **argv)
{
    struct common args = { 0 };
    int first, status;
    if (argc == 1 || argv[0][0] == '-') {
        auto_buf_ struct buf b = { 0 };
        help_overview(&b);
        return print_or_fail("help", buf_text(&b));
    }
    if (!cli_begin(&help_spec, argc, argv, &args, &first, &status))
        return status;
    if (first == argc)
        return help_as_json();
    const struct help_command *c = help_find(argv[first]);
    if (c == NULL) {
        fprintf(stderr, "minos help: there is no command \"%.64s\"; `minos help` lists them\n",
                argv[first]);
        return CLI_USAGE;
    }
    char help[] = "--help";
    char *asked[] = { argv[first], help, NULL };
    return c->run(2, asked);
}

static const struct opt_spec version_spec = {
    .usage = "minos version [--json]",
    .about = "Prints the version of this program.",
    .rows = help_rows,
    .row_count = ARRAY_COUNT(help_rows),
};

int command_version(int argc, char **argv)
{
    struct common args = { 0 };
    int first, status;
    if (!cli_begin(&version_spec, argc, argv, &args, &first, &status))
        return status;
    return print_or_fail("version", args.json ? "{\"version\": \"" MINOS_VERSION "\"}\n"
                                              : "minos " MINOS_VERSION "\n");
}
