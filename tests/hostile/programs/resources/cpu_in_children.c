/* tries:  to hide cpu in children
 * layer:  cpu
 * limits: cpu_time_ms=300 wall_time_ms=8000
 * expect: time_limit */
#include "hostile.h"

int main(void)
{
    for (int i = 0; i < 100; i++) {
        pid_t pid = fork();
        if (pid == 0) {
            burn_ms(40);
            _exit(0);
        }
        waitpid(pid, NULL, 0);
    }
    escaped("4 s of cpu in children with a limit of 0.3");
}
