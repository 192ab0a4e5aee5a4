/* tries:  to hold memory in files: /tmp, /dev/shm and /box are memory
 * layer:  memory
 * limits: file_bytes=536870912
 * expect: memory_limit */
#include "hostile.h"

int main(void)
{
    static char block[1 << 20];
    static const char *const folders[] = { "/tmp", "/dev/shm", "/box" };
    memset(block, 1, sizeof block);
    for (int i = 0; i < 192; i++) {
        char path[64];
        snprintf(path, sizeof path, "%s/f%d", folders[i % 3], i);
        int fd = open(path, O_CREAT | O_WRONLY, 0600);
        if (write(fd, block, sizeof block) < 0)
            return 1;
        close(fd);
    }
    escaped("192 MiB with a limit of 64");
}
