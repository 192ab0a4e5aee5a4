/* tries:  a ipc namespace of its own
 * layer:  seccomp
 * expect: security_violation */
#include "hostile.h"

int main(void)
{
    if (unshare(CLONE_NEWIPC) < 0 && errno == EPERM)
        escaped("the call was made: only its rights were lacking");
    only_try(unshare(CLONE_NEWIPC), "unshare(CLONE_NEWIPC)");
}
