/* tries:  to hold kernel memory by queued signals
 * layer:  rlimits
 * expect: accepted memory_limit */
#include "hostile.h"

int main(void)
{
    sigset_t all;
    int queued = 0;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    while (queued < 20000 && sigqueue(getpid(), SIGRTMIN + 1, (union sigval){ 0 }) == 0)
        queued++;
    if (queued > 8192)
        escaped("%d signals", queued);
    contained("%d signals", queued);
}
