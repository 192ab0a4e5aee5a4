/* sources.h - the files of a submission as a cell gets them: names, descriptors, which one is the
 * main one. */
#pragma once

#include <stddef.h>

#include "sandbox/base/err.h"
#include "sandbox/box.h"
#include "schema/store.h"
#include "worker/language.h"

struct sources {
    struct box_file files[BOX_FILES_MAX]; /* names belong to `names`, descriptors to this struct */
    size_t count;
    struct text_list names;
    char *main_file;   /* one of the names */
    char *entry_point; /* what ${entry_point} is */
    char *problem;     /* why it cannot be compiled or run at all, for its owner; NULL: nothing */
};

#define auto_sources_ __attribute__((cleanup(sources_done)))

/* Choose the main file and the entry point by the language's rules, and open every file where that
 * or the tests need them. What the submission got wrong is in `problem`, not an error. */
must_check_ int sources_open(struct store *s, const struct submission *sub,
                             const struct language *l, struct sources *ret, struct err *e);

/* Open the files that are not open yet (descriptor -1): for a compile that was not found. */
must_check_ int sources_fetch(struct store *s, const struct submission *sub, struct sources *src,
                              struct err *e);
void sources_done(struct sources *src);
