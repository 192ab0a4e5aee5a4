/* keeper_net.c - see keeper_net.h; runs in the keeper. */
#include "sandbox/keeper_net.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int keeper_net_open(pid_t pid, int ret_fds[KEEPER_NET_FILES], struct err *e)
{
    static const char *const names[KEEPER_NET_FILES] = { "sockstat", "sockstat6" };
    for (int i = 0; i < KEEPER_NET_FILES; i++) {
        char path[64];
        snprintf(path, sizeof path, "/proc/%d/net/%s", (int)pid, names[i]);
        ret_fds[i] = open(path, O_RDONLY | O_CLOEXEC);
        if (ret_fds[i] < 0 && errno != ENOENT)
            return err_sys(e, "open the cell's %s", names[i]);
    }
    return 0;
}

/* The number after "TCP: inuse " or "TCP6: inuse " of such a file. */
static long count_in(int fd)
{
    char text[512];
    ssize_t n = fd >= 0 ? pread(fd, text, sizeof text - 1, 0) : 0;
    text[n > 0 ? n : 0] = '\0';
    const char *line = strstr(text, "TCP");
    const char *number = line != NULL ? strstr(line, "inuse ") : NULL;
    return number != NULL ? strtol(number + strlen("inuse "), NULL, 10) : 0;
}

bool keeper_net_hoards(const int fds[KEEPER_NET_FILES])
{
    long count = 0;
    for (int i = 0; i < KEEPER_NET_FILES; i++)
        count += count_in(fds[i]);
    return count > KEEPER_NET_SOCKETS_MAX;
}
