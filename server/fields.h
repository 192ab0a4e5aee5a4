/* fields.h - which members of a result are wanted: ?fields=id,verdict,tests.verdict. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum { FIELDS_MAX = 64, FIELDS_NAME_BYTES = 64 };

struct fields {
    bool all;
    size_t count;
    const char *tops[FIELDS_MAX], *subs[FIELDS_MAX]; /* rows of fields.def; sub "" for all of top */
};

/* Read a comma-separated list; NULL: all. False, with `bad` the first unknown name (cut to fit),
 * when one is not in fields.def or there are too many. */
bool fields_parse(const char *text, struct fields *ret, char bad[FIELDS_NAME_BYTES]);

/* Whether member `top` (sub NULL), or member `sub` of `top`, is to be shown. */
bool fields_want(const struct fields *f, const char *top, const char *sub);
