/* tries:  to start another kernel
 * layer:  seccomp
 * expect: security_violation */
#include "hostile.h"

int main(void)
{
    only_try(syscall(SYS_kexec_load, 0, 0, NULL, 0), "kexec_load");
}
