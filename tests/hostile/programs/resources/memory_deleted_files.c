/* tries:  to hold memory in mapped files that have no name any more
 * layer:  memory
 * limits: file_bytes=536870912
 * expect: memory_limit */
#include "hostile.h"

int main(void)
{
    for (int i = 0; i < 24; i++) {
        int fd = open("/tmp/x", O_CREAT | O_RDWR | O_EXCL, 0600);
        if (ftruncate(fd, 8 << 20) < 0)
            return 1;
        char *p = mmap(NULL, 8 << 20, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        unlink("/tmp/x");
        close(fd);
        memset(p, 1, 8 << 20);
    }
    escaped("192 MiB with a limit of 64");
}
