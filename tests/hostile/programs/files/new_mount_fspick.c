/* tries:  to mount: to pick the root's file system by fspick
 * layer:  seccomp, caps
 * expect: security_violation */
#include "hostile.h"

int main(void)
{
    only_try(syscall(433, AT_FDCWD, "/", 0), "the call");
}
