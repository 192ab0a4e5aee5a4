/* tries:  to enter the namespaces of pid 1
 * layer:  seccomp, init
 * expect: security_violation accepted */
#include "hostile.h"

int main(void)
{
    int pidfd = syscall(SYS_pidfd_open, 1, 0);
    must_fail(open("/proc/1/ns/mnt", O_RDONLY), "/proc/1/ns/mnt");
    only_try(setns(pidfd, CLONE_NEWNS | CLONE_NEWUSER), "setns");
}
