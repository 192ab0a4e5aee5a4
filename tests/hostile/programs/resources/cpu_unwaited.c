/* tries:  to hide cpu from rusage by ignoring SIGCHLD
 * layer:  cpu
 * limits: cpu_time_ms=300 wall_time_ms=8000
 * expect: time_limit */
#include "hostile.h"

int main(void)
{
    sigaction(SIGCHLD, &(struct sigaction){ .sa_handler = SIG_IGN }, NULL);
    for (int i = 0; i < 80; i++) {
        if (fork() == 0) {
            burn_ms(50);
            _exit(0);
        }
        sleep_ms(50);
    }
    escaped("4 s of cpu in unwaited children with a limit of 0.3");
}
