/* spin.c - a program that does a given amount of work, always the same: `spin STEPS`. What it costs
 * in cpu time is what the suite `noise` reads from different reporters. */
#include <stdint.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    uint64_t x = 88172645463325252U;
    long long steps = argc > 1 ? atoll(argv[1]) : 0;
    for (long long i = 0; i < steps; i++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
    }
    return x == 0; /* never: the work cannot be left out */
}
