/* tries:  to hide cpu in orphans that init reaps
 * layer:  cpu
 * limits: cpu_time_ms=300 wall_time_ms=8000
 * expect: time_limit */
#include "hostile.h"

int main(void)
{
    for (int i = 0; i < 4; i++) {
        pid_t pid = fork();
        if (pid == 0) {
            if (fork() == 0)
                burn_ms(4000);
            _exit(0);
        }
        waitpid(pid, NULL, 0);
    }
    sleep_ms(5000);
    escaped("orphans burned cpu for 4 s with a limit of 0.3");
}
