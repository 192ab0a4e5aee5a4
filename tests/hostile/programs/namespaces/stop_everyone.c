/* tries:  to stop its parent, its group and itself, so that nothing ever ends
 * layer:  wall, ids
 * limits: wall_time_ms=500
 * expect: idle_limit runtime_error */
#include "hostile.h"

int main(void)
{
    pid_t watch = fork();
    if (watch == 0) {
        setsid();
        sleep_ms(3000);
        escaped("still here after 3 s with a limit of 0.5");
    }
    kill(getppid(), SIGSTOP);
    kill(-1, SIGSTOP);
    kill(0, SIGSTOP);
    raise(SIGSTOP);
    return 1;
}
