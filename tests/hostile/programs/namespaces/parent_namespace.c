/* tries:  to get descriptors of the parent and the owner of its namespaces
 * layer:  seccomp
 * expect: accepted */
#include "hostile.h"

int main(void)
{
    static const char *const kinds[] = { "user", "pid", "mnt", "net", "uts" };
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        char path[64];
        snprintf(path, sizeof path, "/proc/self/ns/%s", kinds[i]);
        int fd = open(path, O_RDONLY);
        if (fd < 0)
            continue;
        for (unsigned long request = 0xb701; request <= 0xb704; request++)
            if (ioctl(fd, request, 0) >= 0 || errno == EPERM)
                escaped("nsfs ioctl %lx on %s: %s", request, kinds[i], strerror(errno));
    }
    contained("no such ioctl");
}
