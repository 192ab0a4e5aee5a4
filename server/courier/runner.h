/*
 * runner.h - the process of minos-courier that talks to strangers: it has the network and nothing
 * else, no store, no secret. Orders come in and replies go out on one socket; when that is closed,
 * it ends.
 */
#pragma once

#include "sandbox/base/err.h"

/* Serve orders from `sock_fd` until its other end is closed. 0, or -1 when libcurl cannot be
 * used. */
must_check_ int runner_serve(int sock_fd, struct err *e);
