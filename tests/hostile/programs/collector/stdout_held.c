/* tries:  to keep its judge waiting: a child holds standard output open
 * layer:  pid_ns
 * expect: accepted */
#include "hostile.h"

int main(void)
{
    if (fork() == 0) {
        setsid();
        sleep_ms(60000);
        _exit(0);
    }
    contained("left a child that holds the pipe");
}
