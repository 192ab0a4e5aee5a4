/* tries:  to meet the other job by an abstract socket
 * layer:  net_ns
 * twice:  yes
 * limits: wall_time_ms=4000
 * expect: accepted */
#include "hostile.h"

int main(void)
{
    struct sockaddr_un at = { .sun_family = AF_UNIX, .sun_path = "\0minos-meet" };
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    if (bind(fd, (struct sockaddr *)&at, offsetof(struct sockaddr_un, sun_path) + 11) < 0)
        escaped("the name is taken: %s", strerror(errno));
    sleep_ms(1200);
    contained("alone");
}
