/* wait.h - ?wait=SECONDS: a suspended request that is resumed by the end of its submission, or by
 * its deadline. */
#pragma once

#include <stdbool.h>

#include "server/hub.h"
#include "server/request.h"

struct waiter {
    struct hub_node node;
    struct request *request;
    int64_t deadline_mono_ns;
};

/* Read ?wait= (0 without). False: refused, the reply is ready. */
bool wait_parse(struct request *r, int64_t *ret_ms);

/* The request, suspended already, waits for `id`: it is resumed, from any thread, when that is
 * final, after wait_ms, or when the server stops. */
void wait_start(struct waiter *w, struct request *r, const char *id, int64_t wait_ms);
