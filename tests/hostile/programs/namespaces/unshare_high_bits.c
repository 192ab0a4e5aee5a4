/* tries:  to hide the flags of unshare and clone below high bits that a careless filter compares
 * layer:  seccomp
 * expect: security_violation accepted */
#include "hostile.h"

int main(void)
{
    must_fail(syscall(SYS_unshare, CLONE_NEWUSER | (1UL << 40)), "unshare with a high bit");
    long pid = syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD | (1UL << 40), NULL, NULL, NULL, NULL);
    if (pid == 0)
        _exit(0);
    only_try(pid, "clone with a high bit");
}
