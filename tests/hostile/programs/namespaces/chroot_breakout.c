/* tries:  the old way out of a chroot: a descriptor outside, then ".."
 * layer:  seccomp, mount_ns
 * expect: security_violation */
#include "hostile.h"

int main(void)
{
    int fd = open("/", O_RDONLY | O_DIRECTORY);
    mkdir("/tmp/x", 0700);
    must_fail(chroot("/tmp/x"), "chroot");
    (void)!fchdir(fd);
    for (int i = 0; i < 64; i++)
        (void)!chdir("..");
    only_try(chroot("."), "chroot(.)");
}
