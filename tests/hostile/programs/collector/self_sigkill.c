/* tries:  to look stopped by its judge: SIGKILL by its own hand
 * layer:  worker
 * limits: wall_time_ms=700
 * expect: runtime_error runtime_error */
#include "hostile.h"

int main(void)
{
    printf("right answer\n");
    fflush(stdout);
    kill(getpid(), SIGKILL);
    sleep_ms(100);
    return 1;
}
