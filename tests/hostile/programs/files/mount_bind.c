/* tries:  to mount: a bind mount
 * layer:  seccomp, caps
 * expect: security_violation */
#include "hostile.h"
#include <sys/mount.h>

int main(void)
{
    only_try(mount("/proc", "/tmp", NULL, MS_BIND, NULL), "mount");
}
