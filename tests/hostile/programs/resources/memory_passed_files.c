/* tries:  to hold files in flight: descriptors sent over sockets nobody reads (SCM_RIGHTS)
 * layer:  memory, rlimits
 * limits: memory_bytes=25165824 cpu_time_ms=3000
 * expect: memory_limit accepted runtime_error */
#include "hostile.h"

int main(void)
{
    int s[2], sent = 0;
    for (int round = 0; round < 60 && socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, s) == 0; round++) {
        for (;;) {
            int fd = memfd_create("x", 0);
            char control[CMSG_SPACE(sizeof(int))] = { 0 }, byte = 0;
            struct iovec v = { &byte, 1 };
            struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control };
            struct cmsghdr *c = CMSG_FIRSTHDR(&m);
            c->cmsg_level = SOL_SOCKET;
            c->cmsg_type = SCM_RIGHTS;
            c->cmsg_len = CMSG_LEN(sizeof fd);
            memcpy(CMSG_DATA(c), &fd, sizeof fd);
            ssize_t n = fd >= 0 ? sendmsg(s[0], &m, 0) : -1;
            close(fd);
            if (n < 0)
                break;
            sent++;
        }
    }
    if (sent > 20000)
        escaped("%d files in flight", sent);
    contained("%d files in flight", sent);
}
