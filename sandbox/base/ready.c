/* ready.c - readiness to the parent and to systemd; every daemon. */
#include "sandbox/base/ready.h"

#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "sandbox/base/cleanup.h"

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

void ready_keep(int fd)
{
    if (fd < 0)
        return;
    (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
    (void)fcntl(fd, F_SETFL, O_NONBLOCK);
}

void ready_report(int fd, const char *word, const char *text)
{
    char line[READY_REPORT_BYTES];
    if (fd < 0)
        return;
    snprintf(line, sizeof line - 1, "%s %s", word, text);
    for (char *p = line; *p != '\0'; p++)
        if (*p == '\n')
            *p = ' ';
    size_t len = strlen(line);
    line[len++] = '\n';
    struct pollfd p = { .fd = fd, .events = POLLOUT };
    if (poll(&p, 1, 0) == 1 && (p.revents & POLLERR) == 0) /* else SIGPIPE: nobody reads */
        (void)!write(fd, line, len);
}

void ready_tell(int fd, const char *detail)
{
    ready_report(fd, "ready", detail);
    tell_systemd();
}
