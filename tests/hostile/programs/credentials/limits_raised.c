/* tries:  to raise its hard limits
 * layer:  rlimits, caps
 * expect: accepted */
#include "hostile.h"

int main(void)
{
    static const int kinds[] = { RLIMIT_NOFILE, RLIMIT_STACK, RLIMIT_FSIZE, RLIMIT_MEMLOCK,
                                 RLIMIT_SIGPENDING, RLIMIT_MSGQUEUE, RLIMIT_RTPRIO, RLIMIT_NICE };
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        struct rlimit r;
        getrlimit(kinds[i], &r);
        if (r.rlim_max == RLIM_INFINITY)
            escaped("limit %d is infinite", kinds[i]);
        r.rlim_max++;
        must_fail(setrlimit(kinds[i], &r), "setrlimit");
    }
    contained("none can be raised");
}
