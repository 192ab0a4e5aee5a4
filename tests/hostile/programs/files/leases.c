/* tries:  to notice by a lease, or by dnotify, that the other opens a file both have
 * layer:  seccomp
 * twice:  yes
 * expect: accepted */
#include "hostile.h"

int main(void)
{
    int fd = open("/usr/bin/env", O_RDONLY), dir = open("/usr/bin", O_RDONLY);
    must_fail(fcntl(fd, F_SETLEASE, F_RDLCK), "F_SETLEASE");
    must_fail(fcntl(dir, F_NOTIFY, 0x80000001), "F_NOTIFY");
    only_try(syscall(SYS_fcntl, fd, F_SETLEASE | 1UL << 32, F_RDLCK), "F_SETLEASE with a high bit");
}
