/* tries:  to add a filter and take its listener, an odd corner of the kernel
 * layer:  seccomp
 * expect: accepted */
#include "hostile.h"

int main(void)
{
    struct { unsigned short len; void *code; } program = { 1, &(uint64_t){ 0x7fff000000000006 } };
    must_fail(syscall(SYS_seccomp, 1, 8 /* new listener */, &program), "seccomp");
    only_try(prctl(PR_SET_SECCOMP, 2, &program), "PR_SET_SECCOMP");
}
