/* tries:  to hold memory in errors and timestamps that nobody reads, on UDP sockets
 * layer:  memory, seccomp
 * limits: memory_bytes=25165824 cpu_time_ms=2000
 * expect: memory_limit accepted runtime_error time_limit idle_limit */
#include "hostile.h"
#include <linux/net_tstamp.h>

static struct sockaddr_in at = { .sin_family = AF_INET };

/* A datagram to nobody, with a timestamp to be queued once it has left. */
static void send_stamped(int fd)
{
    static char block[20000];
    union {
        char bytes[CMSG_SPACE(sizeof(uint32_t))];
        struct cmsghdr align;
    } control = { 0 };
    struct iovec iov = { block, sizeof block };
    struct msghdr m = { .msg_name = &at,
                        .msg_namelen = sizeof at,
                        .msg_iov = &iov,
                        .msg_iovlen = 1,
                        .msg_control = control.bytes,
                        .msg_controllen = sizeof control.bytes };
    uint32_t flags = SOF_TIMESTAMPING_TX_SOFTWARE;
    struct cmsghdr *head = CMSG_FIRSTHDR(&m);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SO_TIMESTAMPING;
    head->cmsg_len = CMSG_LEN(sizeof flags);
    memcpy(CMSG_DATA(head), &flags, sizeof flags);
    (void)!sendmsg(fd, &m, MSG_DONTWAIT);
}

static int fill(void)
{
    int on = 1, most = 1 << 24, all = SOF_TIMESTAMPING_TX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE;
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &most, sizeof most);
    if (setsockopt(fd, IPPROTO_IP, IP_RECVERR, &on, sizeof on) == 0 ||
        setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPING, &all, sizeof all) == 0)
        escaped("errors and timestamps are queued");
    for (int i = 0; i < 100 && fd >= 0; i++)
        send_stamped(fd);
    return fd;
}

int main(void)
{
    int told[2];
    char c;
    long all = 0;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    at.sin_port = htons(9);
    if (pipe(told) < 0)
        return 1;
    for (int i = 0; i < 8; i++)
        if (fork() == 0) {
            while (fill() >= 0)
                if (write(told[1], "s", 1) < 0)
                    _exit(1);
            pause();
        }
    close(told[1]);
    while (read(told[0], &c, 1) == 1)
        if (++all > 2000)
            escaped("%ld sockets with full error queues and a limit of 24 MiB", all);
    contained("%ld", all);
}
