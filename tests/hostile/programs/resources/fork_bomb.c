/* tries:  more processes than allowed; each child stays
 * layer:  pids
 * expect: process_limit */
#include "hostile.h"

int main(void)
{
    int born = 0;
    while (born < 60) {
        pid_t pid = fork();
        if (pid == 0) {
            sleep_ms(1500);
            _exit(0);
        }
        if (pid < 0)
            break;
        born++;
    }
    if (born >= 40)
        escaped("%d processes with a limit of 16", born);
    return 1;
}
