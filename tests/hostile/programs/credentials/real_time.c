/* tries:  to starve the host by real-time priority
 * layer:  seccomp, caps, rlimits
 * expect: accepted */
#include "hostile.h"

int main(void)
{
    struct sched_param param = { 50 };
    uint64_t attr[7] = { 56 | (uint64_t)6 << 32, 0, 0, 1000000, 10000000, 10000000 };
    must_fail(syscall(SYS_sched_setscheduler, 0, SCHED_FIFO, &param), "SCHED_FIFO");
    must_fail(syscall(SYS_sched_setscheduler, 0, SCHED_RR | 0x40000000, &param), "SCHED_RR, reset on fork");
    must_fail(syscall(SYS_sched_setattr, 0, attr, 0), "SCHED_DEADLINE");
    must_fail(setpriority(PRIO_PROCESS, 0, -20), "nice -20");
    only_try(syscall(SYS_ioprio_set, 1, 0, 1 << 13), "real-time input and output");
}
