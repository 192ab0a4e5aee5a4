/* tries:  to write a report of its own to every descriptor there may be
 * layer:  descriptors
 * expect: runtime_error */
#include "hostile.h"

int main(void)
{
    char report[512] = { 'x' };
    for (int fd = 3; fd < 1024; fd++)
        if (write(fd, report, sizeof report) > 0)
            escaped("descriptor %d took a report", fd);
    return 7;
}
