/* tries:  a user namespace by clone3, whose flags are behind a pointer
 * layer:  seccomp
 * expect: accepted */
#include "hostile.h"

int main(void)
{
    uint64_t args[11] = { CLONE_NEWUSER };
    args[4] = SIGCHLD;
    long pid = syscall(SYS_clone3, args, sizeof args);
    if (pid == 0)
        _exit(0);
    only_try(pid, "clone3(CLONE_NEWUSER)");
}
