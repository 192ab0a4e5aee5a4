/* tries:  to hold kernel memory by timers of files
 * layer:  rlimits, memory
 * expect: accepted time_limit memory_limit */
#include "hostile.h"
#include <sys/timerfd.h>

int main(void)
{
    int made = 0;
    while (made < 5000 && timerfd_create(CLOCK_MONOTONIC, 0) >= 0)
        made++;
    if (made > 1024)
        escaped("%d descriptors", made);
    contained("%d descriptors", made);
}
