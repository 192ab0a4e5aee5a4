/*
 * snapshot.h - what slots read when they start, as the supervisor found it right: a slot that is
 * started again, a week later or in the middle of an edit, gets the same configuration and
 * languages as the others. A folder below DATA/run, made anew at each start and reload.
 */
#pragma once

#include "worker/worker.h"

struct snapshot {
    char *dir; /* NULL: none was made */
};

/* Copy the configuration file and the language files that `w` names. */
must_check_ int snapshot_make(const struct worker *w, struct snapshot *ret, struct err *e);

/* Remove it with its files; what is in use of it was read already. */
void snapshot_drop(struct snapshot *s);

/* Before the first: remove those that a supervisor which was killed left. */
void snapshot_sweep(const char *data_dir);

/* What a slot that reads it is started with beside its own arguments, ... */
void snapshot_arguments(const struct snapshot *s, struct text_list *argv);
/* ... and the environment: ours, but for the place of the languages. */
void snapshot_environment(const struct snapshot *s, struct text_list *envp);
