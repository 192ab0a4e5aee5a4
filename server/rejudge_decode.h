/* rejudge_decode.h - the body of POST /v1/rejudge. */
#pragma once

#include <jansson.h>

#include "schema/store.h"
#include "server/problem.h"

enum {
    REJUDGE_IDS_MAX = 100,
    REJUDGE_LIMIT_DEFAULT = 50,
    REJUDGE_LIMIT_MAX = 100,
    REJUDGE_PRIORITY = -100, /* so that it stands behind whoever comes for the next 100 minutes */
};

/* What is to be judged again. */
struct rejudge_want {
    json_t *root; /* what the texts are borrowed from */
    const json_t *ids;
    struct submission_filter filter; /* with ids == NULL; its limit is not set */
    const json_t *metadata;          /* members that must be equal; NULL */
    char before_id[STORE_ID_BYTES];  /* what filter.before_id points to, where it is not NULL */
    char from_id[STORE_ID_BYTES];    /* below it there are none; "": no bound */
    int64_t from_unix_ms, before_unix_ms; /* accepted then or later, and before then; 0: no bound */
    int64_t limit, priority;
    bool dry_run;
};

/* 0: `ret` is filled, and the caller calls rejudge_want_done. -1: `p` says why. */
must_check_ int rejudge_decode(const char *body, size_t len, struct rejudge_want *ret,
                               struct problem *p);
void rejudge_want_done(struct rejudge_want *w);

/* Whether metadata, as JSON text or NULL, has what is wanted. */
bool rejudge_metadata_fits(const json_t *wanted, const char *metadata_json);
