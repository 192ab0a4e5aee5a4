/* large.c - a program whose image alone needs 96 MiB of memory: every page of its data is written.
 * Runs in a cell. */
#include <stddef.h>

enum { BYTES = 96 << 20, PAGE = 4096 };

static volatile char data[BYTES];

int main(void)
{
    for (size_t i = 0; i < BYTES; i += PAGE)
        data[i]++;
    return 0;
}
