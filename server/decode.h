/* decode.h - a request body becomes a submission, or a problem that lists every fault it has. */
#pragma once

#include <stddef.h>

#include <jansson.h>

#include "sandbox/base/conf.h"
#include "schema/store.h"
#include "server/problem.h"

enum {
    DECODE_TESTS_MAX = 10000,
    DECODE_FILES_MAX = 64,
    DECODE_NAME_MAX = 255,       /* bytes of a file's or test's name */
    DECODE_ENTRY_MAX = 200,      /* bytes of an entry point */
    DECODE_METADATA_MAX = 16384, /* bytes of metadata, written compactly */
    DECODE_VALUES_MAX = 1000000, /* JSON values in one body: bounds the heap its tree needs */
    DECODE_PRIORITY_MAX = 100,   /* and -100 */
};

/* The bytes of one text field: borrowed from the JSON tree, or decoded from base64. */
struct draft_bytes {
    const char *data; /* NULL: the field was not given */
    size_t len;
    char *owned; /* what data points into, when it was base64 */
};

struct draft_test {
    struct draft_bytes input, expected;
};

/* A submission that is right in itself and not stored yet: `sub` is complete but for its id,
 * key_id, idempotency_key, request_sha256 and blobs, whose bytes are beside it. */
struct draft {
    struct submission sub;
    struct draft_bytes *files; /* sub.file_count of them */
    struct draft_test *tests;  /* sub.test_count of them */
    json_t *root;              /* what the bytes are borrowed from */
};

/* What a request is checked against. All borrowed. */
struct decode_rules {
    const struct limits *defaults, *ceilings;
    const struct language_record *languages;
    size_t language_count;
    const struct conf *callbacks; /* whose callbacks.* hold; NULL: callback_url is refused */
};

/* 0: `ret` is filled, and the caller calls draft_done. -1: `p` says why. The body may be freed
 * after. */
must_check_ int decode_submission(const struct decode_rules *rules, const char *body, size_t len,
                                  struct draft *ret, struct problem *p);
void draft_done(struct draft *d);
void draft_drop_bytes(struct draft *d); /* once they are stored: only `sub` remains */

/* Parse a body as JSON whose outermost value is an object; NULL with `p` set when it is not. Give
 * back with json_decref. */
json_t *decode_parse(const char *body, size_t len, struct problem *p);

/* A value as short JSON for a problem's "value": long strings are cut, containers only described.
 * The caller frees. */
char *decode_brief(const json_t *v);
