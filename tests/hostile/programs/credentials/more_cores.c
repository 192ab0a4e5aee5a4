/* tries:  to use cores that were not given
 * layer:  seccomp
 * expect: accepted */
#include "hostile.h"

int main(void)
{
    cpu_set_t all;
    memset(&all, 0xff, sizeof all);
    int given = sysconf(_SC_NPROCESSORS_ONLN);
    if (sched_setaffinity(0, sizeof all, &all) < 0)
        contained("%s", strerror(errno));
    sched_getaffinity(0, sizeof all, &all);
    if (CPU_COUNT(&all) > 1)
        escaped("%d cores of %d", CPU_COUNT(&all), given);
    contained("one core is all there is");
}
