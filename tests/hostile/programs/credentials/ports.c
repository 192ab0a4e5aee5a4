/* tries:  to use hardware ports
 * layer:  seccomp
 * expect: security_violation */
#include "hostile.h"

int main(void)
{
    only_try(syscall(SYS_iopl, 3), "iopl");
}
