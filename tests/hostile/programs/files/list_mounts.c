/* tries:  the newest calls about mounts and files: statmount, listmount, file_setattr, map_shadow_stack
 * layer:  seccomp
 * expect: accepted */
#include "hostile.h"

int main(void)
{
    uint64_t request[4] = { 24, UINT64_MAX, 0, 0 }, ids[64];
    for (long nr = 451; nr < 520; nr++)
        if (nr != 452 && nr != 454 && nr != 455 && nr != 456 && (syscall(nr, request, ids, 64, 0, 0) >= 0 || errno != ENOSYS))
            escaped("call %ld: %s", nr, strerror(errno));
    contained("unknown here");
}
