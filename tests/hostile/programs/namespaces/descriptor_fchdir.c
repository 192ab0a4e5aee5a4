/* tries:  to change to a directory that a descriptor left open leads to
 * layer:  descriptors
 * expect: accepted */
#include "hostile.h"

int main(void)
{
    for (int fd = 0; fd < 64; fd++)
        if (fchdir(fd) == 0)
            escaped("descriptor %d is a directory", fd);
    contained("none is a directory");
}
