/* tries:  to fill the process table with children it never waits for
 * layer:  pids
 * expect: process_limit */
#include "hostile.h"

int main(void)
{
    int born = 0;
    for (; born < 60; born++) {
        pid_t pid = fork();
        if (pid == 0)
            _exit(0);
        if (pid < 0)
            break;
        sleep_ms(2);
    }
    if (born >= 40)
        escaped("%d zombies with a limit of 16", born);
    return 1;
}
