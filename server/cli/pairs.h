/*
 * pairs.h - a folder of tests, in the styles people have them:
 *
 *     NAME.in with NAME.out or NAME.ans           1.in 1.out
 *     inputNAME with outputNAME                   input1.txt output1.txt
 *     folders input* and output* (in, out, ans)   input/1.txt output/1.txt
 *
 * What fits none of them is left alone; what lacks its partner is an error that names it.
 */
#pragma once

#include <stddef.h>

#include "sandbox/base/err.h"

struct pair {
    char *name;           /* of the test: "1", "sample/2" */
    char *input, *output; /* paths */
};

struct pairs {
    struct pair *items; /* in natural order of their names */
    size_t count;
};

#define auto_pairs_ __attribute__((cleanup(pairs_done)))

/* Find the pairs in `dir`; ERR_INPUT when there are none, when one lacks its partner, or has two.
 */
must_check_ int pairs_find(const char *dir, struct pairs *ret, struct err *e);
void pairs_done(struct pairs *p);

/* Compare as people count: "2" before "10". As strcmp in its result. */
int pairs_compare_names(const char *a, const char *b);
