/* tries:  to take memory that even the kernel does not map
 * layer:  memory, seccomp
 * limits: file_bytes=536870912
 * expect: accepted memory_limit runtime_error */
#include "hostile.h"

int main(void)
{
    int fd = syscall(447, 0);
    if (fd < 0)
        contained("memfd_secret: %s", strerror(errno));
    if (ftruncate(fd, 192 << 20) < 0)
        contained("%s", strerror(errno));
    char *p = mmap(NULL, 192 << 20, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (p == MAP_FAILED)
        contained("%s", strerror(errno));
    memset(p, 1, 192 << 20);
    escaped("192 MiB with a limit of 64");
}
