/* service.h - a Minos of the bench's own, started on a fresh data directory and stopped again. */
#pragma once

#include <sys/types.h>

#include "sandbox/base/err.h"

struct service {
    char *url, *key; /* NULL while nothing runs */
    pid_t pid;
    char *log; /* path of what it says on standard error */
};

/* `minos up` on DIR/data, with the programs of `programs_dir`; waits until it serves and
 * its groundwork is done. */
must_check_ int service_up(struct service *s, const char *programs_dir, const char *dir,
                           struct err *e);

/* The same on BASE/NAME/data, made here, with `settings` ("key=value", ended by NULL) in place of
 * the defaults; BASE/minos.yaml is its configuration. */
must_check_ int service_up_apart(struct service *s, const char *programs_dir, const char *base,
                                 const char *name, const char *const *settings, struct err *e);

/* Only minos-server, as the owner of DIR/data, where a service has run before: what it accepts,
 * nobody judges. */
must_check_ int service_up_server(struct service *s, const char *programs_dir, const char *dir,
                                  struct err *e);

/* Stop it, by SIGTERM first, and forget it; accepts one that does not run. */
void service_down(struct service *s);
