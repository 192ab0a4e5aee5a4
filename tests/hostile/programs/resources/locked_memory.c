/* tries:  to lock memory that the kernel can then not reclaim
 * layer:  rlimits
 * expect: accepted */
#include "hostile.h"

int main(void)
{
    char *p = touch(1 << 20);
    must_fail(mlock(p, 1 << 20), "mlock");
    must_fail(mlockall(MCL_CURRENT | MCL_FUTURE), "mlockall");
    if (mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED, -1, 0) != MAP_FAILED)
        escaped("MAP_LOCKED");
    only_try(shmctl(shmget(IPC_PRIVATE, 1 << 20, 0600), SHM_LOCK, NULL), "SHM_LOCK");
}
