/* tries:  to mount: a tmpfs of any size
 * layer:  seccomp, caps
 * expect: security_violation */
#include "hostile.h"
#include <sys/mount.h>

int main(void)
{
    only_try(mount("x", "/tmp", "tmpfs", 0, ""), "mount");
}
