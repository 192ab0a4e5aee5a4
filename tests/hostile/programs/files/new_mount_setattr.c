/* tries:  to mount: to change /usr by mount_setattr
 * layer:  seccomp, caps
 * expect: security_violation */
#include "hostile.h"

int main(void)
{
    only_try(syscall(442, AT_FDCWD, "/usr", 0, NULL, 0), "the call");
}
