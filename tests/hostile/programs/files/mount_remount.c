/* tries:  to mount: to make /usr writable
 * layer:  seccomp, caps
 * expect: security_violation */
#include "hostile.h"
#include <sys/mount.h>

int main(void)
{
    only_try(mount(NULL, "/usr", NULL, MS_REMOUNT | MS_BIND, NULL), "mount");
}
