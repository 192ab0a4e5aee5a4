/* tries:  to signal bits by fcntl locks on bytes of a device that both have
 * layer:  dev
 * twice:  yes
 * limits: wall_time_ms=4000
 * expect: accepted
 * known:  rootless /dev/null and its like are the host's, and locks on them are seen */
#include "hostile.h"

int main(void)
{
    int fd = open("/dev/null", O_RDWR);
    for (int bit = 0; bit < 64; bit++) {
        struct flock byte = { .l_type = F_WRLCK, .l_start = 1000000 + bit, .l_len = 1 };
        if (fcntl(fd, F_SETLK, &byte) < 0 && (errno == EAGAIN || errno == EACCES))
            escaped("bit %d is set by the other", bit);
    }
    sleep_ms(1200);
    contained("no bit was set");
}
