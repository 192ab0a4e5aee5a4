/* tries:  to have the host write its accounting
 * layer:  seccomp
 * expect: security_violation */
#include "hostile.h"

int main(void)
{
    only_try(syscall(SYS_acct, "/box/none"), "acct");
}
