/* tries:  a chain of short-lived processes that burns cpu nobody waits for
 * layer:  cpu
 * limits: cpu_time_ms=300 wall_time_ms=6000
 * expect: time_limit process_limit idle_limit */
#include "hostile.h"

int main(void)
{
    if (fork() > 0) {
        sleep_ms(4500);
        escaped("the chain ran for 4.5 s with a limit of 0.3 s of cpu");
    }
    for (int64_t until = now_ms() + 4000; now_ms() < until;) {
        burn_ms(5);
        if (fork() > 0)
            _exit(0);
    }
    return 0;
}
