/* tries:  to look stopped by its judge: SIGSYS by its own hand
 * layer:  worker
 * limits: wall_time_ms=700
 * expect: security_violation runtime_error */
#include "hostile.h"

int main(void)
{
    printf("right answer\n");
    fflush(stdout);
    kill(getpid(), SIGSYS);
    sleep_ms(100);
    return 1;
}
