/* tries:  to stay by computing a little: neither busy nor asleep
 * layer:  wall
 * limits: wall_time_ms=600 cpu_time_ms=5000
 * expect: idle_limit time_limit */
#include "hostile.h"

int main(void)
{
    for (int64_t until = now_ms() + 4000; now_ms() < until; sleep_ms(5))
        burn_ms(2);
    escaped("4 s with a limit of 0.6");
}
