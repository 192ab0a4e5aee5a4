/* tries:  to hold memory in answers of the kernel that nobody reads, on netlink sockets
 * layer:  memory
 * limits: memory_bytes=25165824 cpu_time_ms=2000
 * expect: memory_limit accepted runtime_error time_limit idle_limit */
#include "hostile.h"
#include <linux/netlink.h>
#include <linux/rtnetlink.h>

/* As many answers as the socket takes. */
static void ask(int fd)
{
    struct {
        struct nlmsghdr head;
        struct ifinfomsg link;
    } m = { { sizeof m, RTM_GETLINK, NLM_F_REQUEST, 1, 0 }, { .ifi_index = 1 } };
    struct sockaddr_nl to = { .nl_family = AF_NETLINK };
    int most = 1 << 24;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &most, sizeof most);
    for (int i = 0; i < 400; i++)
        if (sendto(fd, &m, sizeof m, MSG_DONTWAIT, (struct sockaddr *)&to, sizeof to) < 0)
            return;
}

int main(void)
{
    int told[2], fd;
    char c;
    long all = 0;
    if (pipe(told) < 0)
        return 1;
    for (int i = 0; i < 8; i++)
        if (fork() == 0) {
            while ((fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE)) >= 0) {
                ask(fd);
                if (write(told[1], "s", 1) < 0)
                    _exit(1);
            }
            pause();
        }
    close(told[1]);
    while (read(told[0], &c, 1) == 1)
        if (++all > 700) /* of some 400 KiB each */
            escaped("%ld netlink sockets full of answers with a limit of 24 MiB", all);
    contained("%ld", all);
}
