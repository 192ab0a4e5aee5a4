/* tries:  to set the core handler, the module loader, binary formats and uevent helpers
 * layer:  proc, root
 * expect: accepted */
#include "hostile.h"

int main(void)
{
    static const char *const paths[] = {
        "/proc/sys/kernel/core_pattern", "/proc/sys/kernel/modprobe",       "/proc/sys/kernel/hostname",
        "/proc/sys/fs/binfmt_misc/register", "/sys/kernel/uevent_helper",  "/proc/sys/kernel/shmmax",
        "/proc/sys/vm/overcommit_memory", "/proc/sysrq-trigger",           "/proc/sys/net/ipv4/ip_forward",
        "/proc/sys/user/max_user_namespaces", "/proc/sys/fs/mqueue/msg_max", "/proc/irq/0/smp_affinity",
    };
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        if (access(paths[i], F_OK) == 0)
            escaped("%s is there", paths[i]);
        must_fail(open(paths[i], O_WRONLY), paths[i]);
    }
    contained("none is there");
}
