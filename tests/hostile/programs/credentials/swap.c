/* tries:  to swap to a file of its own
 * layer:  seccomp
 * expect: security_violation */
#include "hostile.h"

int main(void)
{
    only_try(syscall(SYS_swapon, "/box/none", 0), "swapon");
}
