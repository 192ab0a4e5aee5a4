/* tries:  to unload a kernel module
 * layer:  seccomp
 * expect: security_violation */
#include "hostile.h"

int main(void)
{
    only_try(syscall(SYS_delete_module, "overlay", O_NONBLOCK), "delete_module");
}
