/* child.h - long-lived programs that the bench starts and stops: services under test. */
#pragma once

#include <sys/types.h>

#include "sandbox/base/err.h"

struct child_plan {
    char *const *argv;  /* argv[0] is a path */
    int out_fd;         /* its standard output */
    const char *log;    /* its standard error is added to this file */
    const char *own_as; /* run as the owner of this file; NULL: as we are */
};

/* Fork and exec. The child gets SIGTERM when we die first. */
must_check_ int child_start(const struct child_plan *plan, pid_t *ret_pid, struct err *e);

/* SIGTERM, time to stop cleanly, else SIGKILL; accepts 0. */
void child_stop(pid_t pid);
