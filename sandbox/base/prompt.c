/* prompt.c - see prompt.h; server and slots, at their start. */
#include "sandbox/base/prompt.h"

#include <linux/sched.h>
#include <linux/sched/types.h> /* defines what <sched.h> does: not both */
#include <sys/syscall.h>
#include <unistd.h>

enum { TURN_NS = 100 * 1000 };

/* Refused, or under another policy: as it was. */
void prompt_ask(bool alone)
{
    struct sched_attr attr = { .size = sizeof attr };
    if (syscall(SYS_sched_getattr, 0, &attr, sizeof attr, 0) < 0 ||
        attr.sched_policy != SCHED_NORMAL)
        return;
    attr.sched_flags = alone ? SCHED_FLAG_RESET_ON_FORK : 0;
    attr.sched_runtime = TURN_NS;
    (void)syscall(SYS_sched_setattr, 0, &attr, 0);
}
