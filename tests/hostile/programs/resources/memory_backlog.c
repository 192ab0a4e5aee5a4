/* tries:  to hold memory in connections that nobody accepts, which belong to no group yet
 * layer:  memory
 * limits: memory_bytes=25165824 cpu_time_ms=2000
 * expect: memory_limit accepted runtime_error time_limit idle_limit */
#include "hostile.h"

static long held_bytes;

/* Connect as often as will be queued, leave data there, and go. */
static long fill(int family)
{
    static char block[1 << 20];
    struct sockaddr_in6 at6 = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
    struct sockaddr_in at4 = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    struct sockaddr *at = family == AF_INET6 ? (struct sockaddr *)&at6 : (struct sockaddr *)&at4;
    socklen_t len = family == AF_INET6 ? sizeof at6 : sizeof at4;
    int l = socket(family, SOCK_STREAM, 0);
    if (bind(l, at, len) < 0 || getsockname(l, at, &len) < 0 || listen(l, 4096) < 0)
        return 0;
    for (long count = 0;; count++) {
        int c = socket(family, SOCK_STREAM | SOCK_NONBLOCK, 0);
        if (c < 0 || count == 4096)
            return count;
        if (connect(c, at, len) < 0 && errno != EINPROGRESS) {
            close(c);
            return count;
        }
        ssize_t n = write(c, block, sizeof block);
        held_bytes += n > 0 ? n : 0;
        close(c);
        if (held_bytes > 256 << 20)
            escaped("%ld MiB in connections with a limit of 24", held_bytes >> 20);
    }
}

int main(void)
{
    for (int i = 0; i < 200; i++)
        if (fill(i % 2 == 0 ? AF_INET : AF_INET6) + fill(AF_INET) == 0)
            break;
    contained("%ld MiB", held_bytes >> 20);
}
