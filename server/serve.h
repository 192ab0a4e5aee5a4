/* serve.h - the whole of minos-server but its command line. */
#pragma once

#include "server/server.h"

/* Open the socket, make the first key where there is none, start all threads. `srv` has conf and
 * log set and is otherwise zero; its url is filled. ERR_INPUT: the configuration does not allow it.
 */
must_check_ int serve_start(struct server *srv, struct err *e);

/* Answer what is under way, at most ten seconds long, and end everything. */
void serve_stop(struct server *srv);
