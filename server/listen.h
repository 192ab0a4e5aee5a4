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

/* "ADDRESS:PORT" or "[ADDRESS]:PORT"; port 0 takes a free one. */
must_check_ int listen_open(const char *text, struct listener *ret, struct err *e);

/* 127.0.0.0/8, ::1, or the former mapped into IPv6. */
bool listen_is_loopback(const struct sockaddr *sa);
