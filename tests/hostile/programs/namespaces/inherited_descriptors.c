/* tries:  to find a descriptor beside 0, 1 and 2 (CVE-2024-21626: one led out of the root)
 * layer:  descriptors
 * expect: accepted */
#include "hostile.h"

int main(void)
{
    for (int fd = 3; fd < 4096; fd++)
        if (fcntl(fd, F_GETFD) >= 0)
            escaped("descriptor %d", fd);
    contained("0, 1 and 2 only");
}
