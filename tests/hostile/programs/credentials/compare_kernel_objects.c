/* tries:  to compare kernel objects by address order
 * layer:  seccomp
 * expect: accepted */
#include "hostile.h"

int main(void)
{
    must_fail(syscall(SYS_kcmp, getpid(), 1, 1, 0, 0), "kcmp");
    only_try(syscall(SYS_kcmp, getpid(), getpid(), 1, 0, 0), "kcmp of itself");
}
