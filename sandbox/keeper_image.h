/* keeper_image.h - the skeleton of the "host" image. */
#pragma once

#include "sandbox/base/err.h"

/* Fill the empty directory `root` (a host path in the keeper's namespace): links to /usr as the
 * host has them, mount points, copies from the host's /etc (etc_fd, borrowed) as host_etc.def
 * lists, synthesized passwd, group, hosts... */
must_check_ int keeper_image_host(const char *root, int etc_fd, struct err *e);
