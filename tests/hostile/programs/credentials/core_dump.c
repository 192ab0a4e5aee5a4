/* tries:  to have a core file written, or the handler of the host called
 * layer:  rlimits
 * expect: accepted */
#include "hostile.h"

int main(void)
{
    struct rlimit most = { RLIM_INFINITY, RLIM_INFINITY };
    int status;
    must_fail(setrlimit(RLIMIT_CORE, &most), "RLIMIT_CORE");
    getrlimit(RLIMIT_CORE, &most);
    if (most.rlim_max > 1)
        escaped("core files may have %ld bytes", (long)most.rlim_max);
    most.rlim_cur = most.rlim_max = 0; /* with 0 a core handler of the host is called */
    must_fail(setrlimit(RLIMIT_CORE, &most), "RLIMIT_CORE of 0");
    if (fork() == 0)
        abort();
    wait(&status);
    if (WCOREDUMP(status))
        escaped("a core was dumped");
    contained("no core");
}
