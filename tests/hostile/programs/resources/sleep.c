/* tries:  to occupy its judge by sleeping
 * layer:  wall
 * limits: wall_time_ms=400
 * expect: idle_limit */
#include "hostile.h"

int main(void)
{
    sleep_ms(3000);
    escaped("slept for 3 s with a limit of 0.4");
}
