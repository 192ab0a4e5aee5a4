/* tries:  the 32-bit system calls, whose numbers mean other things: keyctl, unshare, ptrace
 * layer:  seccomp
 * expect: security_violation */
#include "hostile.h"

static long call32(long nr, long a, long b)
{
    long result;
    __asm__ volatile("int $0x80" : "=a"(result) : "a"(nr), "b"(a), "c"(b) : "memory", "r8", "r9", "r10", "r11");
    return result;
}

int main(void)
{
    long r = call32(20 /* getpid */, 0, 0);
    if (r > 0)
        escaped("a 32-bit getpid gave %ld; keyctl %ld, unshare %ld", r, call32(288, 0, -3),
                call32(310, CLONE_NEWUSER, 0));
    contained("%ld", r);
}
