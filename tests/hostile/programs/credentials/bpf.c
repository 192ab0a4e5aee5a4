/* tries:  to load a program into the kernel
 * layer:  seccomp
 * expect: security_violation */
#include "hostile.h"

int main(void)
{
    uint32_t attr[32] = { 1, 4, 4, 1 };
    only_try(syscall(SYS_bpf, 0 /* map create */, attr, sizeof attr), "bpf");
}
