/* tries:  to reach a service on the host's loopback
 * layer:  net_ns
 * expect: accepted */
#include "hostile.h"

int main(void)
{
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(TCP_PORT) };
    char text[200] = "";
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof to) == 0) {
        (void)!read(fd, text, sizeof text - 1);
        escaped("connected: %s", text);
    }
    contained("%s", strerror(errno));
}
