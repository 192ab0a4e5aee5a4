/* offload.h - a few threads for work that would hold up an HTTP thread and all its connections,
 * such as decoding a body of many megabytes. First come, first served. */
#pragma once

#include <stddef.h>

#include "sandbox/base/err.h"

struct offload_task {
    void (*run)(struct offload_task *t); /* the task may be gone when it returns */
    struct offload_task *next;
};

struct offload;

must_check_ int offload_new(size_t threads, struct offload **ret, struct err *e);
/* Run what waits, then end the threads; a task pushed later runs in its caller. */
void offload_stop(struct offload *o);
void offload_free(struct offload *o); /* after offload_stop; accepts NULL */

void offload_push(struct offload *o, struct offload_task *t);
