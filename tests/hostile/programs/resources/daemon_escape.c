/* tries:  to outlive the job: double fork, a session of its own, all signals ignored
 * layer:  pid_ns
 * expect: accepted */
#include "hostile.h"

int main(void)
{
    for (int s = 1; s < 64; s++)
        if (s != SIGCHLD)
            sigaction(s, &(struct sigaction){ .sa_handler = SIG_IGN }, NULL);
    for (int i = 0; i < 4; i++)
        if (fork() == 0) {
            setsid();
            if (fork() != 0)
                _exit(0);
            (void)!chdir("/");
            close(0);
            sleep_ms(8000);
            _exit(0);
        }
    sleep_ms(50);
    contained("left four daemons");
}
