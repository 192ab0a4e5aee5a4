/* tries:  to see other processes by signal 0 to every small pid
 * layer:  pid_ns
 * expect: accepted */
#include "hostile.h"

int main(void)
{
    int seen = 0;
    for (pid_t pid = 1; pid < 20000; pid++)
        seen += pid != getpid() && (kill(pid, 0) == 0 || errno == EPERM);
    if (seen > 1) /* our init */
        escaped("%d processes", seen);
    contained("%d process beside this", seen);
}
