/* tries:  to find a route to an address outside; a connected datagram socket sends nothing
 * layer:  net_ns
 * expect: accepted */
#include "hostile.h"

int main(void)
{
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(53) };
    inet_pton(AF_INET, OUTSIDE, &to.sin_addr);
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    if (fd < 0)
        contained("socket: %s", strerror(errno));
    only_try(connect(fd, (struct sockaddr *)&to, sizeof to), "a route to " OUTSIDE);
}
