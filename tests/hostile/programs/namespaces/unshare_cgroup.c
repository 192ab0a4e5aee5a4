/* tries:  a cgroup namespace of its own
 * layer:  seccomp
 * expect: security_violation */
#include "hostile.h"

int main(void)
{
    if (unshare(CLONE_NEWCGROUP) < 0 && errno == EPERM)
        escaped("the call was made: only its rights were lacking");
    only_try(unshare(CLONE_NEWCGROUP), "unshare(CLONE_NEWCGROUP)");
}
