/*
 * walk.h - JSON objects by table: a row per member, whose kind picks the check and the conversion.
 * Everything wrong is added to a problem with its full path; unknown members are refused by name.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "server/problem.h"

enum walk_kind {
    WALK_TEXT,    /* const char *: no NUL, min..max bytes, no control characters */
    WALK_BYTES,   /* struct draft_bytes: a string, or {"base64": string} */
    WALK_INT,     /* struct walk_int within min..max; 5.0 counts as 5 */
    WALK_REAL,    /* struct walk_real, not negative */
    WALK_BOOL,    /* struct walk_bool */
    WALK_OBJECT,  /* json_t * */
    WALK_ARRAY,   /* json_t * with min..max items */
    WALK_STRINGS, /* json_t *: an array of min..max strings */
};

struct walk_int {
    bool given;
    int64_t value;
};
struct walk_real {
    bool given;
    double value;
};
struct walk_bool {
    bool given, value;
};

struct walk_row {
    const char *name;
    enum walk_kind kind;
    size_t offset; /* of the target, by its kind, in the struct; zero when the member is absent */
    int64_t min, max;
};

enum { WALK_PATH_BYTES = 256 };

/* Read `object`'s members into `target` (zeroed by the caller). `path` is the object's own, "" for
 * the outermost. A null member counts as absent. */
void walk_object(struct problem *p, const json_t *object, const char *path,
                 const struct walk_row *rows, size_t row_count, void *target);

/* One integer, named by `path`. False, with a fault, when it is none or out of range. */
bool walk_integer(struct problem *p, const json_t *v, const char *path, int64_t min, int64_t max,
                  int64_t *ret);

/* "path.name", or "name" when path is "". Returns buf. */
char *walk_join(char buf[WALK_PATH_BYTES], const char *path, const char *name);

/* Add a fault with `v` as its value. */
void walk_fault(struct problem *p, const char *path, const json_t *v, const char *fmt, ...)
    format_(4, 5);
