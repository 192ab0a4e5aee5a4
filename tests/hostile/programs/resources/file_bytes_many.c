/* tries:  more bytes in many files than allowed
 * layer:  files
 * limits: memory_bytes=268435456 cpu_time_ms=4000 wall_time_ms=6000 
 * expect: accepted */
#include "hostile.h"

int main(void)
{
    static char block[1 << 20];
    long held = 0;
    for (int i = 0; i < 64; i++) {
        char path[32];
        snprintf(path, sizeof path, "/tmp/f%d", i);
        int fd = open(path, O_CREAT | O_WRONLY, 0600);
        ssize_t n = fd >= 0 ? write(fd, block, sizeof block) : 0;
        held += n > 0 ? n : 0;
        close(fd);
    }
    if (held > 20 << 20)
        escaped("%ld MiB with a limit of 16", held >> 20);
    contained("%ld MiB", held >> 20);
}
