/* tries:  to restart the host (with arguments that mean nothing)
 * layer:  seccomp
 * expect: security_violation */
#include "hostile.h"

int main(void)
{
    only_try(syscall(SYS_reboot, 0, 0, 0, NULL), "reboot");
}
