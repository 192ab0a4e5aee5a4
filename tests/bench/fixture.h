/* fixture.h - the files a bench needs, in one temporary directory that is removed at the end. */
#pragma once

#include "sandbox/base/err.h"

/* The name of the artifact that holds the programs; it is nobody's real hash. */
#define FIXTURE_ARTIFACT "be9c000000000000000000000000000000000000000000000000000000000000"

struct fixture {
    char *dir;       /* below $TMPDIR or /var/tmp: a disk, since durable writes are measured */
    char *bin;       /* DIR/bin: true, tiny, spin */
    char *artifacts; /* DIR/artifacts/FIXTURE_ARTIFACT: the same three, for a keeper */
    char *bundle;    /* DIR/bundle: config.json and rootfs with `true`, for OCI runtimes */
    char *languages; /* DIR/languages: a copy that the service's user can read */
    char *conf;      /* DIR/minos.yaml: empty, so that the defaults count and not this host's */
};

/* Make it; `extras` is the directory where make has put true, tiny and spin, `languages` that of
 * the language files. */
must_check_ int fixture_make(struct fixture *f, const char *extras, const char *languages,
                             struct err *e);

/* Remove the directory with everything below it; accepts a half-made one. */
void fixture_remove(struct fixture *f);
