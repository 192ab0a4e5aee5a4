/* tries:  to load a kernel module from a file
 * layer:  seccomp
 * expect: security_violation */
#include "hostile.h"

int main(void)
{
    only_try(syscall(SYS_finit_module, open("/usr/bin/env", O_RDONLY), "", 0), "finit_module");
}
