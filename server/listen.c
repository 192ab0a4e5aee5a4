/* listen.c - the listening socket; minos-server. */
#include "server/listen.h"

#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "sandbox/base/buf.h"
#include "sandbox/base/cleanup.h"

enum { BACKLOG = 1024 };

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
