/* tool.h - runs one of a language's commands in a cell outside of any submission: to ask a
 * compiler for its version, to try a hello. */
#pragma once

#include "sandbox/base/conf.h"
#include "sandbox/box.h"
#include "worker/keep.h"
#include "worker/language.h"

struct tool_run {
    const struct conf *conf;
    struct box *box;
    const struct language *language;
    const struct text_list *command;  /* one of the language's */
    bool with_hello;                  /* its hello lies in the cell under the name source_file */
    const char *artifact;             /* laid under /box; NULL: none */
    const struct text_list *prepared; /* what ${prepared} is; NULL: nothing */
    bool keep_files;                  /* for box_collect */
    const struct box_watch *watch;    /* NULL: none */
};

/* Run it within the language's compile limits, but no longer than TOOL_CPU_MS and TOOL_WALL_MS;
 * both of its outputs go to `output`, which is initialised here. */
must_check_ int tool_run(const struct tool_run *t, struct keep *output, struct box_outcome *ret,
                         struct err *e);

enum { TOOL_CPU_MS = 20000, TOOL_WALL_MS = 30000 }; /* a cold disk and a busy host have room */

/* Whether it ended by itself, with exit code 0. */
bool tool_ended_well(const struct box_outcome *o);
