/* tries:  userfaultfd, which halts the kernel in mid-copy
 * layer:  seccomp
 * expect: accepted */
#include "hostile.h"

int main(void)
{
    must_fail(syscall(SYS_userfaultfd, O_CLOEXEC), "userfaultfd");
    must_fail(syscall(SYS_userfaultfd, O_CLOEXEC | 1 /* user mode only */), "userfaultfd, user mode");
    only_try(open("/dev/userfaultfd", O_RDWR), "/dev/userfaultfd");
}
