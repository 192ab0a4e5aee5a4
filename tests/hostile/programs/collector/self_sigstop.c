/* tries:  to look stopped by its judge: SIGSTOP by its own hand
 * layer:  worker
 * limits: wall_time_ms=700
 * expect: idle_limit runtime_error */
#include "hostile.h"

int main(void)
{
    printf("right answer\n");
    fflush(stdout);
    kill(getpid(), SIGSTOP);
    sleep_ms(100);
    return 1;
}
