/*
 * keeper_net.h - how many sockets a cell has; runs in the keeper.
 *
 * Not all that sockets hold is charged to a control group. A TCP connection that nobody has
 * accepted belongs to none yet (kernel: inet_csk_accept charges it), with whatever was sent to it,
 * and all of them share one bound of the whole host (tcp_mem), its own connections included. What
 * the kernel answers on a netlink socket is charged to nobody. So sockets are counted, and a cell
 * that has too many is stopped for memory; init makes TCP's buffers small besides (inside_init.c).
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "sandbox/base/err.h"

/* More than these at once, and it is stopped. */
enum {
    KEEPER_NET_TCP_MAX = 1024,
    KEEPER_NET_UDP_MAX = 128,
    KEEPER_NET_NETLINK_MAX = 64,
    KEEPER_NET_ALL_MAX = 8192,
};

enum { KEEPER_NET_FILES = 2 };

/* The files in which the network of this process counts its sockets. The caller closes them. */
must_check_ int keeper_net_open(pid_t pid, int ret_fds[KEEPER_NET_FILES], struct err *e);

/* Whether there are too many; two files of some kilobytes are read. */
bool keeper_net_hoards(const int fds[KEEPER_NET_FILES]);
