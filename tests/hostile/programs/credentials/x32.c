/* tries:  the x32 numbers of calls that the filter stops
 * layer:  seccomp
 * expect: security_violation accepted */
#include "hostile.h"

int main(void)
{
    must_fail(syscall(0x40000000 | SYS_getpid), "x32 getpid");
    must_fail(syscall(0x40000000 | SYS_unshare, CLONE_NEWUSER), "x32 unshare");
    only_try(syscall(0x40000000 | 521 /* ptrace */, 0, 0, 0, 0), "x32 ptrace");
}
