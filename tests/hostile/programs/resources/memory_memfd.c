/* tries:  to hold memory in memory files that no process maps
 * layer:  memory
 * limits: file_bytes=536870912
 * expect: memory_limit */
#include "hostile.h"

int main(void)
{
    static char block[1 << 20];
    int fd = memfd_create("x", 0);
    memset(block, 1, sizeof block);
    for (int i = 0; i < 192; i++)
        if (write(fd, block, sizeof block) < 0)
            return 1;
    escaped("192 MiB with a limit of 64");
}
