/* tries:  to use a few hardware ports
 * layer:  seccomp
 * expect: security_violation */
#include "hostile.h"

int main(void)
{
    only_try(syscall(SYS_ioperm, 0x80, 1, 1), "ioperm");
}
