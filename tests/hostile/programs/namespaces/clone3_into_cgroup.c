/* tries:  to be born in another control group
 * layer:  seccomp, mount_ns
 * expect: accepted */
#include "hostile.h"

int main(void)
{
    uint64_t args[11] = { 0x200000000 }; /* CLONE_INTO_CGROUP */
    args[4] = SIGCHLD;
    args[10] = (uint64_t)open("/", O_RDONLY | O_DIRECTORY);
    long pid = syscall(SYS_clone3, args, sizeof args);
    if (pid == 0)
        _exit(0);
    if (pid < 0 && errno != ENOSYS)
        escaped("clone3 works: %s", strerror(errno));
    only_try(pid, "clone3(CLONE_INTO_CGROUP)");
}
