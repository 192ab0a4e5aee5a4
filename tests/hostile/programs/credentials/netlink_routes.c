/* tries:  to change its network by the one netlink family it has: a new interface
 * layer:  caps, net_ns
 * expect: accepted */
#include "hostile.h"
#include <linux/netlink.h>
#include <linux/rtnetlink.h>

int main(void)
{
    struct {
        struct nlmsghdr h;
        struct ifinfomsg i;
        struct rtattr a;
        char name[8];
    } m = { { sizeof m, RTM_NEWLINK, NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE, 1, 0 }, { 0 }, { 12, 3 }, "hostile" };
    char answer[1024] = { 0 };
    int fd = socket(AF_NETLINK, SOCK_RAW, 0);
    if (fd < 0)
        contained("%s", strerror(errno));
    (void)!send(fd, &m, sizeof m, 0);
    (void)!recv(fd, answer, sizeof answer, 0);
    int error = ((struct nlmsgerr *)(void *)(answer + sizeof(struct nlmsghdr)))->error;
    if (error != -EPERM)
        escaped("error %d", error);
    contained("%s", strerror(-error));
}
