/* tries:  to hang for ever in vfork
 * layer:  wall
 * limits: wall_time_ms=500
 * expect: idle_limit time_limit process_limit */
#include "hostile.h"

int main(void)
{
    if (vfork() == 0) {
        sleep_ms(3000);
        _exit(0);
    }
    escaped("came back after 3 s with a limit of 0.5");
}
