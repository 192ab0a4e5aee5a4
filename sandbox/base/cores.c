/* cores.c - the machine's processors from sysfs; worker and keepers, at their start. */
#include "sandbox/base/cores.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "sandbox/base/buf.h"
#include "sandbox/base/cleanup.h"
#include "sandbox/base/io.h"

enum { LIST_BYTES_MAX = 4096 };

/* Read a list such as "0-3,8" (Documentation/ABI: cpu lists of sysfs); false when it is none. */
static bool parse_list(const char *text, cpu_set_t *ret)
{
    CPU_ZERO(ret);
    while (*text != '\0' && *text != '\n') {
        char *end;
        unsigned long first = strtoul(text, &end, 10), last = first;
        if (end == text)
            return false;
        if (*end == '-')
            last = strtoul(end + 1, &end, 10);
        if (first > last || last >= CPU_SETSIZE)
            return false;
        for (unsigned long cpu = first; cpu <= last; cpu++)
            CPU_SET(cpu, ret);
        text = *end == ',' ? end + 1 : end;
    }
    return true;
}

static void siblings_of(const char *sys_dir, int cpu, cpu_set_t *ret)
{
    struct err ignored;
    auto_buf_ struct buf b;
    buf_init(&b, 0);
    auto_free_ char *path = xasprintf("%s/cpu%d/topology/thread_siblings_list", sys_dir, cpu);
    if (io_read_file(AT_FDCWD, path, LIST_BYTES_MAX, &b, &ignored) < 0 ||
        !parse_list(buf_text(&b), ret))
        CPU_ZERO(ret);
    CPU_SET(cpu, ret);
}

void cores_choose(const char *sys_dir, const cpu_set_t *allowed, bool smt, struct cores *ret)
{
    cpu_set_t taken, later;
    *ret = (struct cores){ .count = 0 };
    CPU_ZERO(&taken);
    CPU_ZERO(&later);
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        cpu_set_t siblings;
        if (!CPU_ISSET(cpu, allowed))
            continue;
        if (CPU_ISSET(cpu, &taken)) {
            CPU_SET(cpu, &later);
            continue;
        }
        siblings_of(sys_dir, cpu, &siblings);
        CPU_OR(&taken, &taken, &siblings);
        ret->cpus[ret->count++] = cpu;
    }
    for (int cpu = 0; smt && cpu < CPU_SETSIZE; cpu++)
        if (CPU_ISSET(cpu, &later))
            ret->cpus[ret->count++] = cpu;
}

int cores_read(const char *sys_dir, bool smt, struct cores *ret, struct err *e)
{
    cpu_set_t allowed;
    if (sched_getaffinity(0, sizeof allowed, &allowed) < 0)
        return err_sys(e, "sched_getaffinity");
    cores_choose(sys_dir, &allowed, smt, ret);
    return 0;
}

size_t cores_slots(const struct cores *c, int64_t wanted)
{
    size_t slots = wanted > 0 ? c->count / (size_t)wanted : c->count;
    return slots > 0 ? slots : 1;
}

void cores_of_slot(const struct cores *c, int64_t slot, int64_t wanted, cpu_set_t *ret,
                   int64_t *ret_count)
{
    size_t count = (size_t)wanted < c->count ? (size_t)wanted : c->count;
    size_t first = (size_t)slot % cores_slots(c, wanted) * count;
    CPU_ZERO(ret);
    for (size_t i = 0; i < count; i++)
        CPU_SET(c->cpus[first + i], ret);
    *ret_count = (int64_t)count;
}
