/* tries:  to use up what the whole host has for TCP connections: listeners and accepted ones in many processes
 * layer:  memory
 * limits: process_count=64
 * expect: memory_limit accepted runtime_error time_limit idle_limit */
#include "hostile.h"

static int open_many(void)
{
    int count = 0;
    for (; count < 1000; count++) {
        struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        int l = socket(AF_INET, SOCK_STREAM, 0);
        if (l < 0 || bind(l, (struct sockaddr *)&at, sizeof at) < 0 || listen(l, 1) < 0)
            break;
    }
    return count;
}

int main(void)
{
    int told[2], count = 0, all = 0;
    if (pipe(told) < 0)
        return 1;
    for (int i = 0; i < 20; i++)
        if (fork() == 0) {
            count = open_many();
            if (write(told[1], &count, sizeof count) < 0)
                _exit(1);
            pause();
        }
    for (int i = 0; i < 20 && read(told[0], &count, sizeof count) == sizeof count; i++)
        all += count;
    sleep(2); /* to be seen */
    if (all > 10000)
        escaped("%d listening sockets at once", all);
    contained("%d", all);
}
