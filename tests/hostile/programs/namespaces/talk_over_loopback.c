/* tries:  to meet the other job on loopback: one binds a port, the other finds it taken
 * layer:  net_ns
 * twice:  yes
 * limits: wall_time_ms=4000
 * expect: accepted */
#include "hostile.h"

int main(void)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(47222) };
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&at, sizeof at) == 0)
        escaped("the other answers");
    fd = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(fd, (struct sockaddr *)&at, sizeof at) < 0 && errno == EADDRINUSE)
        escaped("the other has the port");
    listen(fd, 1);
    sleep_ms(1200);
    contained("alone on its loopback");
}
