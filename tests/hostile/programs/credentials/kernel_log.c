/* tries:  to read and clear the log of the kernel
 * layer:  seccomp
 * expect: accepted */
#include "hostile.h"

int main(void)
{
    char text[4096] = "";
    if (syscall(SYS_syslog, 3, text, sizeof text - 1) > 0)
        escaped("the log: %.200s", text);
    must_fail(syscall(SYS_syslog, 10, NULL, 0), "the size of the log");
    only_try(syscall(SYS_syslog, 6, NULL, 0), "console off");
}
