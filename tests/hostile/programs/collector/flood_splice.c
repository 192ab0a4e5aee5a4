/* tries:  to flood its judge without copying: splice, sendfile and vmsplice from /dev/zero
 * layer:  output
 * expect: output_limit */
#include "hostile.h"

int main(void)
{
    int zero = open("/dev/zero", O_RDONLY), file = memfd_create("x", 0);
    static char block[65536];
    if (ftruncate(file, 1 << 20) < 0)
        return 1;
    struct iovec v = { block, sizeof block };
    for (int i = 0; i < 1000; i++) {
        off_t at = 0;
        (void)!splice(zero, NULL, 1, NULL, 65536, 0);
        (void)!syscall(SYS_sendfile, 1, file, &at, 65536);
        (void)!vmsplice(1, &v, 1, 0);
    }
    return 0;
}
