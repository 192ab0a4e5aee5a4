/* tries:  more files than a disk has inodes
 * layer:  files
 * limits: memory_bytes=268435456 cpu_time_ms=4000 wall_time_ms=6000 
 * expect: accepted memory_limit */
#include "hostile.h"

int main(void)
{
    int made = 0;
    char path[32];
    for (; made < 40000; made++) {
        snprintf(path, sizeof path, "/tmp/%d", made);
        if (mknod(path, S_IFREG | 0600, 0) < 0)
            break;
    }
    if (made > 20000)
        escaped("%d files", made);
    contained("%d files: %s", made, strerror(errno));
}
