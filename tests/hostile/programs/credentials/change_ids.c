/* tries:  to become root, or the id of init
 * layer:  seccomp, ids, caps
 * expect: accepted */
#include "hostile.h"
#include <grp.h>

int main(void)
{
    must_fail(setuid(0), "setuid");
    must_fail(setgid(0), "setgid");
    must_fail(setresuid(0, 0, 0), "setresuid");
    must_fail(setgroups(0, NULL), "setgroups");
    must_fail(syscall(SYS_capset, NULL, NULL), "capset");
    syscall(SYS_setfsuid, 0);
    if (getuid() != 1000 || geteuid() != 1000)
        escaped("uid %d", geteuid());
    contained("still 1000");
}
