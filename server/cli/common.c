/* common.c - what every command shares: parsing with help, failing, finding programs; the `minos`
 * process. */
#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sandbox/base/buf.h"
#include "sandbox/base/cleanup.h"
#include "server/cli/cli.h"

bool cli_begin(const struct opt_spec *spec, int argc, char **argv, void *args, int *ret_first,
               int *ret_exit)
{
    const struct common *c = args;
    struct err e;
    if (opt_parse(spec, argc, argv, args, ret_first, &e) < 0 && !c->help) {
        *ret_exit = cli_fail(argv[0], &e);
        fprintf(stderr, "Try `minos %s --help`.\n", argv[0]);
        return false;
    }
    if (!c->help)
        return true;
    auto_buf_ struct buf b = { 0 };
    opt_help(spec, &b);
    *ret_exit = cli_print(buf_text(&b), &e) < 0 ? cli_fail(argv[0], &e) : CLI_OK;
    return false;
}

int cli_fail(const char *command, const struct err *e)
{
    fprintf(stderr, "minos %s: %s\n", command, e->msg);
    switch (e->kind) {
    case ERR_INPUT:
        return CLI_USAGE;
    case ERR_BUSY:
    case ERR_SYS:
    case ERR_BUG:
        return CLI_SERVICE;
    }
    return CLI_SERVICE;
}

const char *cli_data_dir(const struct common *c)
{
    const char *env = getenv("MINOS_DATA");
    if (c->data != NULL)
        return c->data;
    return env != NULL && env[0] != '\0' ? env : CLI_DEFAULT_DATA;
}

int cli_print(const char *text, struct err *e)
{
    if (fputs(text, stdout) < 0 || fflush(stdout) != 0)
        return err_sys(e, "standard output");
    return 0;
}

/* The directory this program was started from. */
static int own_dir(char **ret, struct err *e)
{
    auto_free_ char *path = realpath("/proc/self/exe", NULL);
    if (path == NULL)
        return err_sys(e, "/proc/self/exe");
    *ret = xstrdup(dirname(path));
    return 0;
}

int cli_find_program(const char *program, char **ret_path, struct err *e)
{
    auto_free_ char *dir = NULL;
    if (own_dir(&dir, e) < 0)
        return -1;
    char *places[] = {
        xasprintf("%s/%s", dir, program),
        xasprintf("%s/../libexec/minos/%s", dir, program),
        xasprintf("%s/libexec/minos/%s", MINOS_PREFIX, program),
    };
    char *found = NULL;
    for (size_t i = 0; i < ARRAY_COUNT(places) && found == NULL; i++)
        if (access(places[i], X_OK) == 0)
            found = take_ptr(&places[i]);
    if (found == NULL)
        err_input(e, "%s is not there: looked for %s, %s and %s", program, places[0], places[1],
                  places[2]);
    for (size_t i = 0; i < ARRAY_COUNT(places); i++)
        free(places[i]);
    *ret_path = found;
    return found == NULL ? -1 : 0;
}
