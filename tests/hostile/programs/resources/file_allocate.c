/* tries:  to allocate more than allowed in pieces, without writing
 * layer:  files
 * limits: memory_bytes=268435456 cpu_time_ms=4000 wall_time_ms=6000 
 * expect: accepted output_limit */
#include "hostile.h"

int main(void)
{
    long held = 0;
    for (int i = 0; i < 16; i++) {
        char path[32];
        snprintf(path, sizeof path, "/box/f%d", i);
        int fd = open(path, O_CREAT | O_WRONLY, 0600);
        held += fd >= 0 && fallocate(fd, 0, 0, 4 << 20) == 0;
    }
    if (held > 5)
        escaped("%ld MiB with a limit of 16", held * 4);
    contained("%ld MiB", held * 4);
}
