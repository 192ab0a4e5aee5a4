/* nearest.h - the name a person probably meant, for messages about unknown keys and options. */
#pragma once

#include <stddef.h>

/* Best guess so far; begins as { .wanted = TEXT }. */
struct nearest {
    const char *wanted;
    const char *name; /* the closest name so far; NULL while none is close enough to suggest */
    size_t distance;
};

/* Offer one known name. It is kept (borrowed) when it is close to what is wanted, that is begins
 * with it or is made from it by changing a third of its letters at most, and closer than all
 * before. */
void nearest_offer(struct nearest *n, const char *name);
