/* tries:  a single file above its limit
 * layer:  files, rlimits
 * limits: memory_bytes=268435456 cpu_time_ms=4000 wall_time_ms=6000 
 * expect: output_limit runtime_error */
#include "hostile.h"

int main(void)
{
    int fd = open("/tmp/x", O_CREAT | O_WRONLY, 0600);
    static char block[1 << 20];
    for (int i = 0; i < 40; i++)
        if (write(fd, block, sizeof block) < 0)
            return 1;
    escaped("40 MiB with a limit of 16");
}
