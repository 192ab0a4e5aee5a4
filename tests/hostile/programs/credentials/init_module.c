/* tries:  to load a kernel module
 * layer:  seccomp
 * expect: security_violation */
#include "hostile.h"

int main(void)
{
    only_try(syscall(SYS_init_module, "x", 1, ""), "init_module");
}
