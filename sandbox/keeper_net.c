/* keeper_net.c - see keeper_net.h; runs in the keeper. */
#include "sandbox/keeper_net.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sandbox/base/cleanup.h"

enum { PROTOCOLS, SOCKSTAT, TEXT_BYTES = 8192 };

int keeper_net_open(pid_t pid, int ret_fds[KEEPER_NET_FILES], struct err *e)
{
    static const char *const names[KEEPER_NET_FILES] = {
        [PROTOCOLS] = "protocols", [SOCKSTAT] = "sockstat"
    };
    for (int i = 0; i < KEEPER_NET_FILES; i++) {
        char path[64];
        snprintf(path, sizeof path, "/proc/%d/net/%s", (int)pid, names[i]);
        ret_fds[i] = open(path, O_RDONLY | O_CLOEXEC);
        if (ret_fds[i] < 0)
            return err_sys(e, "open the cell's %s", names[i]);
    }
    return 0;
}

static void read_whole(int fd, char text[TEXT_BYTES])
{
    size_t len = 0;
    for (ssize_t n = 1; n > 0 && len<TEXT_BYTES - 1; len += n> 0 ? (size_t)n : 0)
        n = pread(fd, text + len, TEXT_BYTES - 1 - len, (off_t)len);
    text[len] = '\0';
}

/* "protocol size sockets ..." of the line that begins with `name`; 0 without one. */
static long count_of(const char *text, const char *name)
{
    size_t len = strlen(name);
    for (const char *line = text; line != NULL; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, name, len) != 0 || line[len] != ' ')
            continue;
        char *end;
        (void)strtol(line + len, &end, 10);
        return strtol(end, NULL, 10);
    }
    return 0;
}

bool keeper_net_hoards(const int fds[KEEPER_NET_FILES])
{
    static const char all[] = "sockets: used ";
    char text[TEXT_BYTES];
    if (fds[PROTOCOLS] < 0)
        return false;
    read_whole(fds[PROTOCOLS], text);
    if (count_of(text, "TCP") + count_of(text, "TCPv6") > KEEPER_NET_TCP_MAX ||
        count_of(text, "UDP") + count_of(text, "UDPv6") > KEEPER_NET_UDP_MAX ||
        count_of(text, "NETLINK") > KEEPER_NET_NETLINK_MAX)
        return true;
    read_whole(fds[SOCKSTAT], text);
    return strncmp(text, all, strlen(all)) == 0 &&
           strtol(text + strlen(all), NULL, 10) > KEEPER_NET_ALL_MAX;
}
