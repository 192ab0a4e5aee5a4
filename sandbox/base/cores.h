/*
 * cores.h - which processors slots get, so that what one program costs does not depend on the next
 * one: two slots never share a physical core, whose threads share caches and execution units,
 * unless asked to or where there are more slots than cores.
 */
#pragma once

#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sandbox/base/err.h"

#define CORES_SYS_DIR "/sys/devices/system/cpu"

struct cores {
    int cpus[CPU_SETSIZE]; /* numbers of processors, in the order in which slots get them */
    size_t count;          /* at least 1 */
};

/* Of the processors that this process may use: the first thread of each physical core, and then,
 * with `smt`, the others. What a core is says SYS_DIR/cpuN/topology/thread_siblings_list; a
 * processor without it counts as a core. */
must_check_ int cores_read(const char *sys_dir, bool smt, struct cores *ret, struct err *e);

/* The same for a set that is given. */
void cores_choose(const char *sys_dir, const cpu_set_t *allowed, bool smt, struct cores *ret);

/* How many slots find room when each takes `wanted` processors: at least 1. */
size_t cores_slots(const struct cores *c, int64_t wanted);

/* The processors of a slot: `wanted` consecutive ones, all where there are fewer. Slots beyond
 * cores_slots share with the first ones. *ret_count is how many. */
void cores_of_slot(const struct cores *c, int64_t slot, int64_t wanted, cpu_set_t *ret,
                   int64_t *ret_count);
