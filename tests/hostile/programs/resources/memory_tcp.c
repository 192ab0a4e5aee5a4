/* tries:  to hold memory in the buffers of its own TCP connections
 * layer:  memory, rlimits
 * limits: memory_bytes=25165824 
 * expect: memory_limit accepted runtime_error time_limit idle_limit */
#include "hostile.h"

int main(void)
{
    struct sockaddr_in at = { .sin_family = AF_INET };
    socklen_t len = sizeof at;
    long held = 0;
    static char block[65536];
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int l = socket(AF_INET, SOCK_STREAM, 0);
    bind(l, (struct sockaddr *)&at, len);
    getsockname(l, (struct sockaddr *)&at, &len);
    listen(l, 400);
    for (int i = 0; i < 100; i++) {
        int c = socket(AF_INET, SOCK_STREAM, 0);
        if (connect(c, (struct sockaddr *)&at, len) < 0)
            break;
        fcntl(c, F_SETFL, O_NONBLOCK);
        for (ssize_t n; (n = write(c, block, sizeof block)) > 0;)
            held += n;
    }
    if (held > 128 << 20)
        escaped("%ld MiB in connections with a limit of 24", held >> 20);
    contained("%ld MiB", held >> 20);
}
