/* tries:  to mount: a /proc without its restrictions
 * layer:  seccomp, caps
 * expect: security_violation */
#include "hostile.h"
#include <sys/mount.h>

int main(void)
{
    only_try(mount("proc", "/tmp", "proc", 0, ""), "mount");
}
