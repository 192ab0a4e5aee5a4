/*
 * compare.h - is the output the expected one? Fed piece by piece while the program runs, with a
 * fixed amount of memory beside the expected text, whatever the program writes.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "schema/store.h"

enum compare_result {
    COMPARE_RIGHT = 1,
    COMPARE_SPACE, /* exact, lines: the same words, but other white space between them */
    COMPARE_WRONG,
};

struct compare;

/* `expected` is borrowed until compare_free; it may hold any bytes.
 *   exact   every byte is the same
 *   lines   the same after white space at the end of each line and empty lines at the end are taken
 *           away (so "\r\n" is "\n", and a missing last newline does not matter)
 *   tokens  the same words, separated by any white space
 *   floats  as tokens, but two words that are both decimal numbers may differ by `absolute`, or by
 *           `relative` times the expected one */
struct compare *compare_new(const struct comparer *how, const char *expected, size_t len);
void compare_free(struct compare *c);

void compare_feed(struct compare *c, const void *data, size_t len);

/* Whether nothing that may still come can make the output right, nor change what compare_message
 * says. Depends on the bytes that were fed and not on how they were cut. */
bool compare_hopeless(const struct compare *c);

/* After the last piece; only once. */
enum compare_result compare_end(struct compare *c);

/* Where it differs, for people: `line 3: expected "5", got "7"`; valid UTF-8 without control
 * characters whatever the bytes were, fewer than 600 bytes. "" when right. Owned by c. */
const char *compare_message(const struct compare *c);
