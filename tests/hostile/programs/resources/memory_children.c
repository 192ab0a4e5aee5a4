/* tries:  to use its memory many times over in children
 * layer:  memory
 * expect: memory_limit */
#include "hostile.h"

int main(void)
{
    for (int i = 0; i < 12; i++)
        if (fork() == 0) {
            touch(16 << 20);
            sleep_ms(2000);
            _exit(0);
        }
    sleep_ms(1500);
    escaped("192 MiB with a limit of 64");
}
