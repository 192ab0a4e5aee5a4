/* tries:  to read files of the host, world-readable ones included
 * layer:  root, image
 * expect: accepted */
#include "hostile.h"

int main(void)
{
    static const char *const paths[] = { "/root/minos-canary", "/home/minos-canary/secret",
                                         "/tmp/minos-canary", "/var/tmp/minos-canary",
                                         "/etc/minos-canary", "/etc/shadow", "/srv/tests/1.answer",
                                         "/run/minos-canary", "/dev/shm/minos-canary" };
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++)
        must_not_read(paths[i]);
    contained("none is there");
}
