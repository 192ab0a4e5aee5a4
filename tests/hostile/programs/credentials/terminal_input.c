/* tries:  to type into a terminal, with bits above the 32 that count (CVE-2019-10063)
 * layer:  seccomp
 * expect: accepted */
#include "hostile.h"

int main(void)
{
    int fds[4] = { 0, 1, open("/dev/tty", O_RDWR), open("/dev/ptmx", O_RDWR) };
    if (fds[3] >= 0)
        escaped("a terminal of its own");
    for (int i = 0; i < 4; i++)
        for (unsigned long high = 0; high <= 3; high++) {
            unsigned long request = TIOCSTI | high << 32;
            if (syscall(SYS_ioctl, fds[i], request, "x") >= 0 || (i < 2 && errno != EPERM))
                escaped("ioctl %lx on %d: %s", request, fds[i], strerror(errno));
            must_fail(syscall(SYS_ioctl, fds[i], 0x541cUL | high << 32, "\3"), "TIOCLINUX");
        }
    contained("refused");
}
