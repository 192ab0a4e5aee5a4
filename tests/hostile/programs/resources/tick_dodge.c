/* tries:  to dodge the clock tick: compute a little, sleep a little
 * layer:  cpu
 * limits: cpu_time_ms=300 wall_time_ms=9000
 * expect: time_limit */
#include "hostile.h"

int main(void)
{
    struct timespec a, b;
    for (int64_t until = now_ms() + 7000; now_ms() < until;) {
        clock_gettime(CLOCK_MONOTONIC, &a);
        do
            clock_gettime(CLOCK_MONOTONIC, &b);
        while ((b.tv_sec - a.tv_sec) * 1000000000L + b.tv_nsec - a.tv_nsec < 1500000);
        usleep(300);
    }
    escaped("most of 7 s with a limit of 0.3 s of cpu");
}
