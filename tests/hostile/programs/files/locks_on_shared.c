/* tries:  to signal to the other job by locks on files both can open: flock, fcntl, OFD
 * layer:  image, dev
 * twice:  yes
 * limits: wall_time_ms=4000
 * expect: accepted
 * known:  rootless /dev/null and its like are the host's, and locks on them are seen */
#include "hostile.h"

int main(void)
{
    static const char *const paths[] = { "/dev/null", "/dev/zero", "/usr/bin/env", "/etc/passwd",
                                         "/proc/self/status", "/proc/version", "/", "/usr", "/dev",
                                         "/dev/urandom", "/box", "/usr/lib", "/box/program" };
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        int fd = open(paths[i], O_RDONLY), rw = open(paths[i], O_RDWR);
        struct flock whole = { .l_type = F_WRLCK };
        if (fd >= 0 && fcntl(fd, F_GETLK, &whole) == 0 && whole.l_type != F_UNLCK)
            escaped("fcntl lock of %s is held by %d", paths[i], whole.l_pid);
        whole = (struct flock){ .l_type = F_WRLCK };
        if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK)
            escaped("flock of %s is held by the other", paths[i]);
        if (rw >= 0 && fcntl(rw, F_OFD_SETLK, &whole) < 0 && errno == EAGAIN)
            escaped("OFD lock of %s is held by the other", paths[i]);
    }
    sleep_ms(1200);
    contained("all locks were free");
}
