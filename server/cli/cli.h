/* cli.h - what every command of `minos` shares: exit statuses, the table of commands, the common
 * options. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "sandbox/base/err.h"
#include "sandbox/base/opt.h"

enum cli_exit {
    CLI_OK = 0,       /* accepted, or done as asked */
    CLI_REJECTED = 1, /* there is a verdict, and it is not "accepted" */
    CLI_USAGE = 2,    /* the command line or its files are wrong, or the server refused them */
    CLI_SERVICE = 3,  /* the judge or the service failed, or cannot be reached */
};

/* Ends every help text: keep it in step with enum cli_exit. */
#define CLI_EXIT_HELP                                                                              \
    "Exit status: 0 accepted or done, 1 a verdict other than accepted, 2 usage or input error,\n"  \
    "3 the judge or the service failed.\n"

/* The commands; argv[0] is the command's name, argv[argc] NULL. Each returns an exit status. */
#define COMMAND(name, function, help) int function(int argc, char **argv);
#include "server/cli/commands.def"
#undef COMMAND

/* Options that every command which talks to a server has; first member of its args struct. */
struct common {
    bool help, json;
    const char *url;      /* --url; NULL: $MINOS_URL or CLI_DEFAULT_URL */
    const char *key_file; /* --key-file; NULL: $MINOS_KEY, or DATA/admin.key */
    const char *data;     /* --data; NULL: $MINOS_DATA or the shipped default */
};

#define CLI_DEFAULT_URL "http://127.0.0.1:8080"
#define CLI_DEFAULT_DATA "/var/lib/minos"

/* clang-format off */
#define CLI_HELP_ROW                                                                               \
    { "help", 'h', OPT_FLAG, offsetof(struct common, help), NULL, "show this help", 0, 0 }
#define CLI_JSON_ROW                                                                               \
    { "json", 'j', OPT_FLAG, offsetof(struct common, json), NULL,                                  \
      "print JSON for programs instead of text for people", 0, 0 }
#define CLI_COMMON_ROWS                                                                            \
    { "url", 'u', OPT_TEXT, offsetof(struct common, url), "URL",                                   \
      "the server (default: $MINOS_URL, else " CLI_DEFAULT_URL ")", 0, 0 },                        \
    { "key-file", 'k', OPT_TEXT, offsetof(struct common, key_file), "FILE",                        \
      "file with the API key (default: $MINOS_KEY itself,\nelse admin.key in the data directory)", \
      0, 0 },                                                                                      \
    { "data", 'd', OPT_TEXT, offsetof(struct common, data), "DIR",                                 \
      "data directory (default: $MINOS_DATA, else " CLI_DEFAULT_DATA ")", 0, 0 },                  \
    CLI_JSON_ROW, CLI_HELP_ROW
/* clang-format on */

/* Parse the command line into `args`, whose first member is a struct common. True: go on, operands
 * begin at argv[*ret_first]. False: it is settled (help was shown, or an error), end with
 * *ret_exit. */
bool cli_begin(const struct opt_spec *spec, int argc, char **argv, void *args, int *ret_first,
               int *ret_exit);

/* Say "minos COMMAND: message" on standard error and return the exit status that fits the kind. */
int cli_fail(const char *command, const struct err *e);

/* The data directory by option, environment, default. */
const char *cli_data_dir(const struct common *c);

/* Print to standard output; a full disk or closed pipe is an error of the service's kind. Flushes.
 */
must_check_ int cli_print(const char *text, struct err *e);

/* Find PROGRAM ("minos-box") beside this program or below PREFIX/libexec/minos. The caller frees
 * *ret_path. ERR_INPUT names the places that were searched. */
must_check_ int cli_find_program(const char *program, char **ret_path, struct err *e);
