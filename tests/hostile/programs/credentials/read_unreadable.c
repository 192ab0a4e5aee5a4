/* tries:  to read a file of its own without the right to
 * layer:  caps, ids
 * expect: accepted */
#include "hostile.h"

int main(void)
{
    int fd = open("/tmp/x", O_CREAT | O_WRONLY, 0);
    close(fd);
    only_try(open("/tmp/x", O_RDONLY), "a file of mode 0");
}
