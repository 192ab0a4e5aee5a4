/* tries:  to kill every process it may
 * layer:  ids, pid_ns
 * expect: runtime_error accepted */
#include "hostile.h"

int main(void)
{
    if (fork() == 0) {
        sleep_ms(2000);
        escaped("a child outlived kill(-1)");
    }
    kill(-1, SIGKILL); /* not itself */
    kill(0, SIGTERM);
    sleep_ms(200);
    contained("still here");
}
