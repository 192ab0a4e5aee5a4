/* tries:  to mount: to uncover what lies below /proc
 * layer:  seccomp, caps
 * expect: security_violation */
#include "hostile.h"
#include <sys/mount.h>

int main(void)
{
    only_try(umount2("/proc", MNT_DETACH), "mount");
}
