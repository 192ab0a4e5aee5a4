/* tries:  to make device nodes
 * layer:  seccomp, caps
 * expect: accepted */
#include "hostile.h"
#include <sys/sysmacros.h>

int main(void)
{
    must_fail(mknod("/tmp/null", S_IFCHR | 0666, makedev(1, 3)), "a character device");
    must_fail(mknod("/tmp/mem", S_IFCHR | 0666, makedev(1, 1)), "/dev/mem");
    must_fail(mknodat(AT_FDCWD, "/box/disk", S_IFBLK | 0666, makedev(254, 0)), "a block device");
    must_fail(mknod("/dev/x", S_IFIFO | 0666, 0), "a pipe in /dev");
    only_try(mknod("/tmp/whiteout", S_IFCHR | 0666, 0), "a whiteout");
}
