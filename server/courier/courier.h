/* courier.h - the process of minos-courier that reads the store: what is due is handed to the
 * runner, and what came of it is recorded. */
#pragma once

#include "sandbox/base/conf.h"
#include "sandbox/base/log.h"

struct courier_options {
    struct conf *conf; /* replaced by a reload */
    const char *config_file;
    const struct opt_list *sets;
    struct log log;
    int sock_fd;  /* to the runner */
    int ready_fd; /* -1: none */
};

/* Send callbacks until SIGTERM or SIGINT, which must be blocked. Ends with an error when the runner
 * does. Closes sock_fd. */
must_check_ int courier_run(const struct courier_options *opt, struct err *e);
