/* tries:  to mount: to move /usr by move_mount
 * layer:  seccomp, caps
 * expect: security_violation */
#include "hostile.h"

int main(void)
{
    only_try(syscall(429, AT_FDCWD, "/usr", AT_FDCWD, "/tmp", 0), "the call");
}
