/* nearest.c - edit distance for suggestions in messages; every process. */
#include "sandbox/base/nearest.h"

#include <stdbool.h>
#include <string.h>

enum { NAME_MAX_BYTES = 64 }; /* longer texts get no suggestion, so the table below is bounded */

static size_t min3(size_t a, size_t b, size_t c)
{
    size_t m = a < b ? a : b;
    return m < c ? m : c;
}

/* Levenshtein's distance with one row of his table. */
static size_t distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
    size_t row[NAME_MAX_BYTES + 1];
    for (size_t j = 0; j <= b_len; j++)
        row[j] = j;
    for (size_t i = 1; i <= a_len; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b_len; j++) {
            size_t above = row[j];
            row[j] = min3(above + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1]));
            diagonal = above;
        }
    }
    return row[b_len];
}

void nearest_offer(struct nearest *n, const char *name)
{
    size_t wanted_len = strlen(n->wanted), len = strlen(name);
    if (wanted_len == 0 || wanted_len > NAME_MAX_BYTES || len > NAME_MAX_BYTES)
        return;
    bool begins = wanted_len >= 3 && strncmp(n->wanted, name, wanted_len) == 0;
    size_t d = begins ? 1 : distance(n->wanted, wanted_len, name, len);
    if (d > (len + 2) / 3)
        return;
    if (n->name == NULL || d < n->distance) {
        n->name = name;
        n->distance = d;
    }
}
