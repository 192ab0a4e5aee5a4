/* tries:  to keep its judge waiting: its standard output travels in a socket that travels in itself
 * layer:  output, pid_ns
 * expect: accepted */
#include "hostile.h"

static void send_fds(int through, const int *fds, size_t count)
{
    union {
        char bytes[CMSG_SPACE(4 * sizeof(int))];
        struct cmsghdr align;
    } control = { 0 };
    char c = 'x';
    struct iovec iov = { &c, 1 };
    struct msghdr m = { .msg_iov = &iov,
                        .msg_iovlen = 1,
                        .msg_control = control.bytes,
                        .msg_controllen = CMSG_SPACE(count * sizeof(int)) };
    struct cmsghdr *head = CMSG_FIRSTHDR(&m);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(count * sizeof(int));
    memcpy(CMSG_DATA(head), fds, count * sizeof(int));
    if (sendmsg(through, &m, 0) < 0)
        perror("sendmsg");
}

int main(void)
{
    int pair[2], file = open("kept", O_RDWR | O_CREAT, 0600);
    if (file < 0 || ftruncate(file, 1 << 20) < 0)
        return 1;
    for (int i = 0; i < 8; i++) {
        if (socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) < 0)
            return 1;
        int all[] = { pair[0], pair[1], 1, file };
        send_fds(pair[0], all, 4);
        send_fds(pair[1], all, 4);
        close(pair[0]);
        close(pair[1]);
    }
    contained("on its way for ever");
}
