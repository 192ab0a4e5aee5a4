/* tries:  to trace a child of its own: the crutch of many exploits
 * layer:  seccomp
 * expect: security_violation */
#include "hostile.h"

int main(void)
{
    pid_t pid = fork();
    if (pid == 0) {
        sleep_ms(500);
        _exit(0);
    }
    only_try(syscall(SYS_ptrace, 0x4206 /* PTRACE_SEIZE */, pid, 0, 0), "PTRACE_SEIZE");
}
