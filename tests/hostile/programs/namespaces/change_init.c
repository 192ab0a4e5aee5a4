/* tries:  to change the limits, the priority and the scheduling of pid 1
 * layer:  ids, init
 * expect: accepted */
#include "hostile.h"

int main(void)
{
    struct rlimit low = { 0, 0 };
    struct sched_param param = { 0 };
    must_fail(prlimit(1, RLIMIT_NOFILE, &low, NULL), "prlimit");
    must_fail(setpriority(PRIO_PROCESS, 1, 19), "setpriority");
    must_fail(setpriority(PRIO_USER, 0, 19), "setpriority of all that this user has");
    must_fail(sched_setscheduler(1, SCHED_IDLE, &param), "sched_setscheduler");
    must_fail(syscall(SYS_ioprio_set, 1, 1, 3 << 13), "ioprio_set");
    only_try(syscall(SYS_rt_sigqueueinfo, 1, SIGTERM, &(siginfo_t){ .si_code = -1 }), "rt_sigqueueinfo");
}
