/* main.c - the one command a person types: finds the command in the table and runs it; the `minos`
 * process. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "sandbox/base/buf.h"
#include "sandbox/base/cleanup.h"
#include "server/cli/cli.h"
#include "server/cli/help.h"

int main(int argc, char **argv)
{
    if (argc < 2) {
        auto_buf_ struct buf b = { 0 };
        help_overview(&b);
        (void)!fputs(buf_text(&b), stderr);
        return CLI_USAGE;
    }
    const struct help_command *c = help_find(argv[1]);
    if (c != NULL)
        return c->run(argc - 1, argv + 1);
    fprintf(stderr, "minos: there is no command \"%.64s\"; `minos help` lists them\n", argv[1]);
    return CLI_USAGE;
}
