/* ready.c - readiness to the parent and to systemd; every daemon. */
#include "sandbox/base/ready.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "sandbox/base/cleanup.h"
#include "sandbox/base/io.h"

static void tell_systemd(void)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un sa = { .sun_family = AF_UNIX };
    if (path == NULL || path[0] == '\0' || strlen(path) >= sizeof sa.sun_path)
        return;
    size_t len = strlen(path);
    memcpy(sa.sun_path, path, len);
    if (path[0] == '@')
        sa.sun_path[0] = '\0'; /* an abstract name */
    auto_fd_ int sock = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    static const char text[] = "READY=1";
    socklen_t sa_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
    if (sock >= 0)
        (void)!sendto(sock, text, strlen(text), MSG_NOSIGNAL, (struct sockaddr *)&sa, sa_len);
}

void ready_tell(int fd, const char *detail)
{
    if (fd >= 0) {
        char line[256];
        snprintf(line, sizeof line, "ready %s\n", detail);
        (void)!io_write_all(fd, line, strlen(line));
        close(fd);
    }
    tell_systemd();
}
