/* tries:  to fill the process table with orphans that nobody reaps
 * layer:  init, pids
 * expect: accepted */
#include "hostile.h"

int main(void)
{
    for (int i = 0; i < 300; i++) {
        pid_t pid = fork();
        if (pid == 0) {
            if (fork() == 0)
                _exit(0);
            _exit(0);
        }
        if (pid < 0)
            escaped("orphans are not reaped: fork %d: %s", i, strerror(errno));
        waitpid(pid, NULL, 0);
        sleep_ms(1);
    }
    contained("reaped");
}
