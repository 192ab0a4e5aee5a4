/* listen.h - `minos-box listen`: a keeper for each connection of one user. */
#pragma once

#include <sys/types.h>

#include "sandbox/base/conf.h"
#include "sandbox/base/log.h"

struct listen_options {
    const struct conf *conf;
    const struct log *log;
    const char *socket_path; /* made with mode 0600 and owned by uid; removed at the end */
    const char *artifacts;   /* for the keepers; may be NULL */
    uid_t uid;               /* the only user served, beside root */
    int ready_fd;            /* -1: none */
};

/* Serve until SIGTERM or SIGINT; returns the exit status. */
int listen_serve(const struct listen_options *o);
