/*
 * keeper_net.h - how many TCP sockets a cell has; runs in the keeper.
 *
 * A connection that nobody has accepted belongs to no control group yet (kernel: inet_csk_accept
 * charges it), whoever sent what waits in it, and all of them share one bound of the whole host
 * (tcp_mem), its own connections included. So they are counted, and a cell that has too many is
 * stopped for memory; init makes their buffers small besides (inside_init.c).
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "sandbox/base/err.h"

enum { KEEPER_NET_FILES = 2, KEEPER_NET_SOCKETS_MAX = 1024 };

/* The files in which the network of this process counts its sockets, for IPv4 and IPv6; -1 for what
 * its kernel lacks. The caller closes them. */
must_check_ int keeper_net_open(pid_t pid, int ret_fds[KEEPER_NET_FILES], struct err *e);

/* Whether there are more than KEEPER_NET_SOCKETS_MAX; two reads. */
bool keeper_net_hoards(const int fds[KEEPER_NET_FILES]);
