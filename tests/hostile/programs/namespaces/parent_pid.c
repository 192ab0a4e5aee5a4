/* tries:  to be a process of the host: its own number and its parent's
 * layer:  pid_ns
 * expect: accepted */
#include "hostile.h"

int main(void)
{
    if (getpid() > 50 || getppid() != 1)
        escaped("pid %d, parent %d", getpid(), getppid());
    contained("pid %d, parent %d", getpid(), getppid());
}
