/* tries:  to send signals to the ids around its own, where other cells' might be
 * layer:  pid_ns
 * expect: accepted */
#include "hostile.h"

int main(void)
{
    char text[8192];
    if (slurp("/proc/self/uid_map", text, sizeof text) > 0)
        printf("%s", text);
    for (int pid = 3; pid < 3000; pid++)
        if (pid != getpid() && (kill(pid, SIGCONT) == 0 || errno == EPERM))
            escaped("pid %d is there", pid);
    contained("nobody");
}
