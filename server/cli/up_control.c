/* up_control.c - who asks `minos up` for something; its process. Nothing here blocks: a client that
 * does not read loses its answer. */
#include "server/cli/up_control.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "sandbox/base/cleanup.h"

enum { BACKLOG = 8, REQUEST_BYTES = 64 };

void up_control_init(struct up_control *c)
{
    c->fd = -1;
    for (size_t i = 0; i < UP_CLIENTS_MAX; i++)
        c->clients[i] = (struct up_client){ .fd = -1 };
}

/* The directory is the service user's: so by descriptor, and bind follows no link at the end. */
int up_control_open(struct up_control *c, int run_fd, struct err *e)
{
    struct sockaddr_un sa = { .sun_family = AF_UNIX };
    auto_fd_ int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return err_sys(e, "socket");
    snprintf(sa.sun_path, sizeof sa.sun_path, "/proc/self/fd/%d/%s", run_fd, UP_CONTROL_NAME);
    mode_t before = umask(0177);
    int r = bind(fd, (struct sockaddr *)&sa, sizeof sa);
    umask(before);
    if (r < 0 || listen(fd, BACKLOG) < 0)
        return err_sys(e, "listen on run/" UP_CONTROL_NAME);
    c->fd = take_fd(&fd);
    return 0;
}

static void drop(struct up_client *client)
{
    close_fd(&client->fd);
    *client = (struct up_client){ .fd = -1 };
}

void up_control_close(struct up_control *c)
{
    close_fd(&c->fd);
    for (size_t i = 0; i < UP_CLIENTS_MAX; i++)
        drop(&c->clients[i]);
}

static struct up_client *find_free(struct up_control *c)
{
    for (size_t i = 0; i < UP_CLIENTS_MAX; i++)
        if (c->clients[i].fd < 0)
            return &c->clients[i];
    return NULL;
}

void up_control_poll(const struct up_control *c, struct pollfd *fds)
{
    bool full = true;
    for (size_t i = 0; i < UP_CLIENTS_MAX; i++) {
        fds[1 + i] = (struct pollfd){ .fd = c->clients[i].fd, .events = POLLIN };
        full = full && c->clients[i].fd >= 0;
    }
    fds[0] = (struct pollfd){ .fd = full ? -1 : c->fd, .events = POLLIN };
}

static void let_in(struct up_control *c)
{
    struct ucred peer;
    socklen_t len = sizeof peer;
    struct up_client *client = find_free(c);
    auto_fd_ int fd = accept4(c->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0 || client == NULL || getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0 ||
        (peer.uid != 0 && peer.uid != geteuid()))
        return;
    client->fd = take_fd(&fd);
}

/* One packet, and nothing after it: who sends more, or something else, or goes, is let go. */
static bool hear(struct up_client *client)
{
    char text[REQUEST_BYTES];
    ssize_t n = recv(client->fd, text, sizeof text, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return false;
    if (client->asked || n != (ssize_t)strlen(UP_CONTROL_RELOAD) ||
        memcmp(text, UP_CONTROL_RELOAD, (size_t)n) != 0) {
        drop(client);
        return false;
    }
    client->asked = true;
    return true;
}

bool up_control_take(struct up_control *c, const struct pollfd *fds)
{
    bool asked = false;
    for (size_t i = 0; i < UP_CLIENTS_MAX; i++)
        if (fds[1 + i].revents != 0 && c->clients[i].fd == fds[1 + i].fd)
            asked = hear(&c->clients[i]) || asked;
    if (fds[0].revents != 0)
        let_in(c);
    return asked;
}

void up_control_cover(struct up_control *c)
{
    for (size_t i = 0; i < UP_CLIENTS_MAX; i++)
        c->clients[i].covered = c->clients[i].asked;
}

void up_control_answer(struct up_control *c, bool all, const char *text)
{
    for (size_t i = 0; i < UP_CLIENTS_MAX; i++) {
        struct up_client *client = &c->clients[i];
        if (!client->covered && !(all && client->asked))
            continue;
        (void)!send(client->fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT);
        drop(client);
    }
}
