/* tries:  to have only a child killed for memory and to go on
 * layer:  memory
 * expect: memory_limit */
#include "hostile.h"

int main(void)
{
    int status;
    if (fork() == 0) {
        touch(192 << 20);
        _exit(0);
    }
    wait(&status);
    if (WIFSIGNALED(status))
        sleep_ms(300);
    escaped("192 MiB with a limit of 64");
}
