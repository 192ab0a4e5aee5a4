/* tries:  to make set-id programs, by every call that can
 * layer:  seccomp
 * expect: accepted */
#include "hostile.h"

int main(void)
{
    int fd = open("/tmp/a", O_CREAT | O_WRONLY, 0755);
    must_fail(chmod("/tmp/a", 04755), "chmod");
    must_fail(fchmod(fd, 02755), "fchmod");
    must_fail(fchmodat(AT_FDCWD, "/tmp/a", 06777, 0), "fchmodat");
    must_fail(syscall(452, AT_FDCWD, "/tmp/a", 04755, 0), "fchmodat2");
    must_fail(open("/tmp/b", O_CREAT | O_WRONLY, 04755), "open");
    must_fail(creat("/tmp/c", 04755), "creat");
    must_fail(mknod("/tmp/d", S_IFREG | 04755, 0), "mknod");
    uint64_t how[3] = { O_CREAT | O_WRONLY, 04755, 0 };
    must_fail(syscall(437, AT_FDCWD, "/tmp/e", how, sizeof how), "openat2");
    only_try(open("/tmp", O_TMPFILE | O_WRONLY, 04755), "O_TMPFILE");
}
