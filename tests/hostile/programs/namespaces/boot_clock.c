/* tries:  to learn how long the host has been up, by clocks
 * layer:  time_ns
 * expect: accepted */
#include "hostile.h"
#include <sys/sysinfo.h>

int main(void)
{
    static const int clocks[] = { CLOCK_BOOTTIME, CLOCK_MONOTONIC, CLOCK_MONOTONIC_COARSE,
                                  CLOCK_BOOTTIME_ALARM };
    for (size_t i = 0; i < sizeof clocks / sizeof clocks[0]; i++) {
        struct timespec ts = { 0 };
        syscall(SYS_clock_gettime, clocks[i], &ts); /* past the vDSO */
        if (ts.tv_sec > 30)
            escaped("clock %d: %ld s", clocks[i], (long)ts.tv_sec);
    }
    contained("from zero");
}
