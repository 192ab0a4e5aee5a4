/* up_listen.c - the socket that clients connect to; the `minos up` process, which keeps it: while
 * one minos-server goes and another comes, connections wait here instead of being refused. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "sandbox/base/cleanup.h"
#include "sandbox/base/clock.h"
#include "sandbox/base/units.h"
#include "server/cli/up.h"

enum { BACKLOG = 1024, TRIES = 20, PAUSE_MS = 100 };

/* "127.0.0.1:80" or "[::1]:80", whose form conf_check has seen. */
static int parse(const char *text, struct sockaddr_storage *ret, socklen_t *ret_len, struct err *e)
{
    const char *colon = strrchr(text, ':');
    bool is_v6 = text[0] == '[';
    int64_t port = 0;
    if (colon == NULL || units_parse_int(colon + 1, 0, 65535, &port, e) < 0)
        return err_input(e, "server.listen: expected ADDRESS:PORT, got \"%.64s\"", text);
    auto_free_ char *host = is_v6 ? xstrndup(text + 1, (size_t)(colon - text) - 2)
                                  : xstrndup(text, (size_t)(colon - text));
    struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
    struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port) };
    if (inet_pton(is_v6 ? AF_INET6 : AF_INET, host, is_v6 ? (void *)&v6.sin6_addr : &v4.sin_addr) !=
        1)
        return err_input(e, "server.listen: expected ADDRESS:PORT, got \"%.64s\"", text);
    *ret_len = is_v6 ? sizeof v6 : sizeof v4;
    memcpy(ret, is_v6 ? (void *)&v6 : (void *)&v4, *ret_len);
    return 0;
}

static int open_once(const struct sockaddr_storage *sa, socklen_t len, int *ret_fd)
{
    int on = 1;
    auto_fd_ int fd = socket(sa->ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0 ||
        bind(fd, (const struct sockaddr *)sa, len) < 0 || listen(fd, BACKLOG) < 0)
        return -1;
    *ret_fd = take_fd(&fd);
    return 0;
}

/* The server of a `minos up` that was killed may hold the port a moment longer. */
int up_listen(const char *text, int *ret_fd, struct err *e)
{
    const struct timespec rest = { .tv_nsec = PAUSE_MS * NS_PER_MS };
    struct sockaddr_storage sa = { 0 };
    socklen_t len = 0;
    if (parse(text, &sa, &len, e) < 0)
        return -1;
    for (int i = 0; i < TRIES; i++) {
        if (open_once(&sa, len, ret_fd) == 0)
            return 0;
        if (errno != EADDRINUSE)
            break;
        nanosleep(&rest, NULL);
    }
    return err_sys(e, "server.listen: %s", text);
}
