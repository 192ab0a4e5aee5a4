/* tries:  to open processes of the host by pidfd
 * layer:  pid_ns
 * expect: accepted */
#include "hostile.h"

int main(void)
{
    int opened = 0;
    for (int pid = 1; pid < 20000; pid++) {
        int fd = syscall(SYS_pidfd_open, pid, 0);
        opened += fd >= 0;
        if (fd >= 0)
            close(fd);
    }
    if (opened > 2)
        escaped("%d processes", opened);
    contained("%d", opened);
}
