/* listen.h - `minos-box listen`: a keeper for each connection of one user. */
#pragma once

#include <sys/types.h>

#include "sandbox/base/conf.h"
#include "sandbox/base/log.h"

struct opt_list;

struct listen_options {
    struct conf *conf;           /* replaced when SIGHUP has it read again */
    const char *config_file;     /* NULL: the default place */
    const struct opt_list *sets; /* --set */
    const struct log *log;
    const char *socket_path; /* made with mode 0600 and owned by uid; removed at the end */
    const char *artifacts;   /* for the keepers; may be NULL */
    uid_t uid;               /* the only user served, beside root */
    int ready_fd;            /* -1: none */
};

/* Serve until SIGTERM or SIGINT; SIGHUP reads the configuration again, for keepers that start
 * later; returns the exit status. */
int listen_serve(const struct listen_options *o);
