/* tries:  to take the descriptors of init, one of which leads to the keeper
 * layer:  seccomp, init
 * expect: security_violation */
#include "hostile.h"

int main(void)
{
    int pidfd = syscall(SYS_pidfd_open, 1, 0);
    for (int fd = 0; fd < 8; fd++)
        must_fail(syscall(SYS_pidfd_getfd, pidfd, fd, 0), "pidfd_getfd");
    return 0;
}
