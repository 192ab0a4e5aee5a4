/* tries:  to load a line discipline module and to take the console
 * layer:  seccomp
 * expect: accepted */
#include "hostile.h"

int main(void)
{
    for (int n = 0; n < 30; n++)
        if (ioctl(0, TIOCSETD, &n) >= 0 || errno != EPERM)
            escaped("line discipline %d: %s", n, strerror(errno));
    only_try(ioctl(0, TIOCCONS, 0), "TIOCCONS");
}
