/* tries:  to hold memory in datagrams that nobody reads
 * layer:  memory, rlimits
 * limits: memory_bytes=25165824
 * expect: memory_limit accepted runtime_error time_limit idle_limit */
#include "hostile.h"

int main(void)
{
    long held = 0;
    static char block[60000];
    int size = 8 << 20;
    for (int i = 0; i < 400; i++) {
        struct sockaddr_in at = { .sin_family = AF_INET };
        socklen_t len = sizeof at;
        int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
        at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
        bind(fd, (struct sockaddr *)&at, len);
        getsockname(fd, (struct sockaddr *)&at, &len);
        for (int k = 0; k < 8; k++)
            sendto(fd, block, sizeof block, 0, (struct sockaddr *)&at, len);
        int waiting = 0;
        for (int k = 0; k < 8 && recv(fd, block, 1, MSG_PEEK) > 0; k++)
            waiting = 1;
        held += waiting ? 200000 : 0;
    }
    if (held > 64 << 20)
        escaped("%ld MiB in datagrams with a limit of 24", held >> 20);
    contained("%ld MiB", held >> 20);
}
