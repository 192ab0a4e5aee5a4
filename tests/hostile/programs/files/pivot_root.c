/* tries:  to mount: another root by pivot_root
 * layer:  seccomp, caps
 * expect: security_violation */
#include "hostile.h"

int main(void)
{
    only_try(syscall(SYS_pivot_root, "/", "/tmp"), "the call");
}
