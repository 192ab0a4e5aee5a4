/* tries:  to reach a daemon by its abstract socket, which lives in the network namespace
 * layer:  net_ns
 * expect: accepted */
#include "hostile.h"

int main(void)
{
    struct sockaddr_un to = { .sun_family = AF_UNIX };
    char text[200] = "";
    memcpy(to.sun_path + 1, ABSTRACT_NAME, strlen(ABSTRACT_NAME));
    socklen_t len = offsetof(struct sockaddr_un, sun_path) + 1 + strlen(ABSTRACT_NAME);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&to, len) == 0) {
        (void)!read(fd, text, sizeof text - 1);
        escaped("connected: %s", text);
    }
    contained("%s", strerror(errno));
}
