/* tries:  to outrun whoever kills by pid: each process forks the next and ends
 * layer:  pid_ns
 * limits: wall_time_ms=4000 cpu_time_ms=3000
 * expect: accepted */
#include "hostile.h"

int main(void)
{
    if (fork() > 0) {
        sleep_ms(300);
        contained("left a chain running");
    }
    setsid();
    for (int64_t until = now_ms() + 8000; now_ms() < until;) {
        if (fork() > 0)
            _exit(0);
    }
    return 0;
}
