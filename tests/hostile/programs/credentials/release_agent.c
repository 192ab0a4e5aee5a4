/* tries:  to mount a control group hierarchy and have the kernel start a program (CVE-2022-0492)
 * layer:  seccomp, caps
 * expect: security_violation */
#include "hostile.h"
#include <sys/mount.h>

int main(void)
{
    mkdir("/tmp/c", 0755);
    only_try(mount("cgroup", "/tmp/c", "cgroup", 0, "rdma"), "mount cgroup");
}
