/* tries:  to mount: an overlay of its own (CVE-2021-3493, CVE-2023-0386)
 * layer:  seccomp, caps
 * expect: security_violation */
#include "hostile.h"
#include <sys/mount.h>

int main(void)
{
    only_try(mount("x", "/tmp", "overlay", 0, "lowerdir=/usr,upperdir=/box,workdir=/tmp"), "mount");
}
