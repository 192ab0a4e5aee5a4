/* tries:  to give its files to others and take those of others
 * layer:  caps
 * expect: accepted */
#include "hostile.h"

int main(void)
{
    int fd = open("/tmp/x", O_CREAT | O_RDWR, 0600);
    must_fail(fchown(fd, 0, 0), "fchown to root");
    must_fail(fchown(fd, 12345, -1), "fchown to a stranger");
    must_fail(chown("/etc/passwd", 1000, 1000), "chown of /etc/passwd");
    only_try(chmod("/etc/passwd", 0666), "chmod of /etc/passwd");
}
