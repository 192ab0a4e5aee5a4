/* tries:  to mount: a file system by fsopen
 * layer:  seccomp, caps
 * expect: security_violation */
#include "hostile.h"

int main(void)
{
    only_try(syscall(430, "tmpfs", 0), "the call");
}
