/* tries:  to hold memory in pipes
 * layer:  memory, rlimits
 * limits: memory_bytes=25165824 
 * expect: memory_limit accepted runtime_error */
#include "hostile.h"

int main(void)
{
    long held = 0;
    int p[2];
    static char block[65536];
    while (held < 200 << 20 && pipe2(p, O_NONBLOCK) == 0) {
        fcntl(p[1], F_SETPIPE_SZ, 1 << 20);
        for (ssize_t n; (n = write(p[1], block, sizeof block)) > 0;)
            held += n;
    }
    if (held > 64 << 20)
        escaped("%ld MiB in pipes with a limit of 24", held >> 20);
    contained("%ld MiB", held >> 20);
}
