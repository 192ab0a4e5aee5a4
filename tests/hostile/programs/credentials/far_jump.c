/* tries:  to switch to 32-bit code by a far return, and to make calls from there
 * layer:  seccomp
 * expect: security_violation runtime_error */
#include "hostile.h"

int main(void)
{
    /* mov $20, %eax; int $0x80; mov $1, %eax; mov $7, %ebx; int $0x80 */
    static const unsigned char code[] = { 0xb8, 20, 0, 0, 0, 0xcd, 0x80, 0xb8, 1,    0,
                                          0,    0,  0xbb, 7, 0, 0, 0,    0xcd, 0x80 };
    char *low = mmap((void *)0x10000000, 8192, PROT_READ | PROT_WRITE | PROT_EXEC,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
    pid_t pid = fork();
    if (pid == 0) {
        memcpy(low, code, sizeof code);
        __asm__ volatile("mov %0, %%rax\n\tlea 4096(%%rax), %%rsp\n\tpushq $0x23\n\tpushq %%rax\n\tlretq" : : "r"(low) : "rax", "memory");
    }
    int status = 0;
    waitpid(pid, &status, 0);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 7)
        escaped("32-bit calls were made");
    return 1;
}
