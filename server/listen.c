/* listen.c - the listening socket; minos-server. */
#include "server/listen.h"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sandbox/base/buf.h"
#include "sandbox/base/cleanup.h"
#include "sandbox/base/units.h"

enum { BACKLOG = 1024, SYSTEMD_FIRST_FD = 3 };

bool listen_is_loopback(const struct sockaddr *sa)
{
    if (sa->sa_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, sa, sizeof in);
        return ntohl(in.sin_addr.s_addr) >> 24 == 127;
    }
    if (sa->sa_family != AF_INET6)
        return false;
    struct sockaddr_in6 in6;
    memcpy(&in6, sa, sizeof in6);
    const struct in6_addr *a = &in6.sin6_addr;
    return IN6_IS_ADDR_LOOPBACK(a) || (IN6_IS_ADDR_V4MAPPED(a) && a->s6_addr[12] == 127);
}

static int resolve(const char *text, struct addrinfo **ret, struct err *e)
{
    const char *colon = strrchr(text, ':');
    if (colon == NULL || colon == text)
        return err_input(e, "server.listen: expected address:port, got \"%s\"", text);
    bool brackets = text[0] == '[' && colon[-1] == ']';
    auto_free_ char *host = brackets ? xstrndup(text + 1, (size_t)(colon - text) - 2)
                                     : xstrndup(text, (size_t)(colon - text));
    const struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE };
    int rc = getaddrinfo(host, colon + 1, &hints, ret);
    if (rc != 0)
        return err_input(e, "server.listen: \"%s\": %s", text, gai_strerror(rc));
    return 0;
}

static int bind_one(const struct addrinfo *ai, int *ret_fd, const char *text, struct err *e)
{
    auto_fd_ int fd =
        socket(ai->ai_family, ai->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, ai->ai_protocol);
    int on = 1;
    if (fd < 0)
        return err_sys(e, "socket for %s", text);
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0)
        return err_sys(e, "SO_REUSEADDR");
    if (bind(fd, ai->ai_addr, ai->ai_addrlen) != 0)
        return err_sys(e, "listen on %s", text);
    if (listen(fd, BACKLOG) != 0)
        return err_sys(e, "listen on %s", text);
    *ret_fd = take_fd(&fd);
    return 0;
}

static int describe(struct listener *l, struct err *e)
{
    struct sockaddr_storage ss = { 0 };
    socklen_t len = sizeof ss;
    char host[64], port[16];
    if (getsockname(l->fd, (struct sockaddr *)&ss, &len) != 0)
        return err_sys(e, "getsockname");
    int rc = getnameinfo((struct sockaddr *)&ss, len, host, sizeof host, port, sizeof port,
                         NI_NUMERICHOST | NI_NUMERICSERV);
    if (rc != 0)
        return err_set(e, ERR_SYS, 0, "getnameinfo: %s", gai_strerror(rc));
    bool v6 = ss.ss_family == AF_INET6;
    snprintf(l->url, sizeof l->url, "http://%s%s%s:%s", v6 ? "[" : "", host, v6 ? "]" : "", port);
    l->loopback = listen_is_loopback((struct sockaddr *)&ss);
    return 0;
}

int listen_open(const char *text, struct listener *ret, struct err *e)
{
    struct addrinfo *list = NULL;
    if (resolve(text, &list, e) != 0)
        return -1;
    struct listener l = { .fd = -1 };
    int rc = bind_one(list, &l.fd, text, e);
    freeaddrinfo(list);
    if (rc == 0)
        rc = describe(&l, e);
    if (rc != 0) {
        close_fd(&l.fd);
        return -1;
    }
    *ret = l;
    return 0;
}

/* What a socket is, by one of its options; -1: it is no socket. */
static int option(int fd, int name)
{
    int value = -1;
    socklen_t len = sizeof value;
    return getsockopt(fd, SOL_SOCKET, name, &value, &len) == 0 ? value : -1;
}

int listen_take(int fd, struct listener *ret, struct err *e)
{
    struct listener l = { .fd = fd };
    int domain = option(fd, SO_DOMAIN);
    int flags = fcntl(fd, F_GETFL);
    bool good = option(fd, SO_TYPE) == SOCK_STREAM && option(fd, SO_ACCEPTCONN) == 1 &&
                (domain == AF_INET || domain == AF_INET6);
    int rc = 0;
    if (!good)
        rc = err_input(e, "descriptor %d: expected a TCP socket that listens", fd);
    else if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ||
             fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
        rc = err_sys(e, "descriptor %d", fd);
    if (rc != 0 || describe(&l, e) != 0) {
        close_fd(&l.fd);
        return -1;
    }
    *ret = l;
    return 0;
}

int listen_passed(int *ret_fd, struct err *e)
{
    const char *pid_text = getenv("LISTEN_PID"), *count_text = getenv("LISTEN_FDS");
    int64_t pid = 0, count = 0;
    *ret_fd = -1;
    if (pid_text == NULL || count_text == NULL)
        return 0;
    if (units_parse_int(pid_text, 1, INT32_MAX, &pid, e) != 0 ||
        units_parse_int(count_text, 0, INT32_MAX, &count, e) != 0)
        return err_wrap(e, "LISTEN_PID and LISTEN_FDS");
    if (pid != getpid() || count == 0) /* meant for somebody else */
        return 0;
    if (count > 1)
        return err_input(e, "LISTEN_FDS: expected one socket, got %d", (int)count);
    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_FDS");
    unsetenv("LISTEN_FDNAMES");
    *ret_fd = SYSTEMD_FIRST_FD;
    return 0;
}
