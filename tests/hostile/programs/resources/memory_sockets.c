/* tries:  to hold memory in socket buffers
 * layer:  memory, rlimits
 * limits: memory_bytes=25165824 
 * expect: memory_limit accepted runtime_error */
#include "hostile.h"

int main(void)
{
    long held = 0;
    int s[2], size = 8 << 20;
    static char block[16384];
    while (held < 200 << 20 && socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, s) == 0) {
        setsockopt(s[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
        for (ssize_t n; (n = send(s[0], block, sizeof block, 0)) > 0;)
            held += n;
    }
    if (held > 64 << 20)
        escaped("%ld MiB in sockets with a limit of 24", held >> 20);
    contained("%ld MiB", held >> 20);
}
