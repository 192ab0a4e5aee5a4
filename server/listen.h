/* listen.h - the listening socket, from the text of server.listen. */
#pragma once

#include <stdbool.h>

#include <sys/socket.h>

#include "sandbox/base/err.h"

enum { LISTEN_URL_BYTES = 128 };

struct listener {
    int fd; /* listening, non-blocking; owned */
    bool loopback;
    char url[LISTEN_URL_BYTES]; /* "http://127.0.0.1:8080", with the real port */
};

/* Take a socket that listens already, which somebody else has opened and goes on holding: then
 * connections wait while no minos-server runs. Takes `fd`. ERR_INPUT when it is none. */
must_check_ int listen_take(int fd, struct listener *ret, struct err *e);

/* The descriptor that systemd passes (sd_listen_fds(3)), whose variables are removed; -1: none.
 * ERR_INPUT when there is more than one. */
must_check_ int listen_passed(int *ret_fd, struct err *e);

/* "ADDRESS:PORT" or "[ADDRESS]:PORT"; port 0 takes a free one. */
must_check_ int listen_open(const char *text, struct listener *ret, struct err *e);

/* 127.0.0.0/8, ::1, or the former mapped into IPv6. */
bool listen_is_loopback(const struct sockaddr *sa);
