/* help.h - the table of commands and the texts made from it. */
#pragma once

#include "sandbox/base/buf.h"

struct help_command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *help; /* one line */
};

extern const struct help_command help_commands[];
extern const size_t help_command_count;

/* The row for `name`; "--help", "-h" and "--version" find theirs too. NULL when there is none. */
const struct help_command *help_find(const char *name);

/* Append what `minos help` shows: usage, the commands, exit status. */
void help_overview(struct buf *b);
