/* tries:  a user namespace by clone
 * layer:  seccomp
 * expect: security_violation */
#include "hostile.h"

int main(void)
{
    long pid = syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, NULL, NULL, NULL, NULL);
    if (pid == 0)
        _exit(0);
    only_try(pid, "clone(CLONE_NEWUSER)");
}
