/* tries:  to take huge pages, which no memory limit counts
 * layer:  memory, seccomp
 * limits: file_bytes=536870912
 * expect: accepted memory_limit runtime_error */
#include "hostile.h"

int main(void)
{
    for (int i = 0; i < 96; i++) {
        char *p = mmap(NULL, 2 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
        if (p == MAP_FAILED)
            break;
        *p = 1;
        if (i > 32)
            escaped("%d huge pages", i);
    }
    int fd = memfd_create("x", 4 /* hugetlb */);
    if (fd >= 0 && ftruncate(fd, 128 << 20) == 0 && mmap(NULL, 128 << 20, PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, 0) != MAP_FAILED)
        escaped("a huge memory file");
    contained("none");
}
