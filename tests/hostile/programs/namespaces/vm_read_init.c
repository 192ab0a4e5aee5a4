/* tries:  to read and write the memory of init
 * layer:  seccomp, init, ids
 * expect: security_violation */
#include "hostile.h"

int main(void)
{
    char byte;
    struct iovec here = { &byte, 1 }, there = { (void *)0x400000, 1 };
    must_fail(process_vm_readv(1, &here, 1, &there, 1, 0), "process_vm_readv");
    must_fail(open("/proc/1/mem", O_RDWR), "/proc/1/mem");
    only_try(process_vm_writev(1, &here, 1, &there, 1, 0), "process_vm_writev");
}
