/* tries:  to fill files through maps, where no write can be refused
 * layer:  files
 * limits: memory_bytes=268435456 cpu_time_ms=4000 wall_time_ms=6000 
 * expect: accepted runtime_error */
#include "hostile.h"

int main(void)
{
    for (int i = 0; i < 12; i++) {
        char path[32];
        snprintf(path, sizeof path, "/dev/shm/f%d", i);
        int fd = open(path, O_CREAT | O_RDWR, 0600);
        if (fd < 0 || ftruncate(fd, 4 << 20) < 0)
            contained("%s", strerror(errno));
        char *p = mmap(NULL, 4 << 20, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        memset(p, 1, 4 << 20); /* SIGBUS when it does not fit */
    }
    escaped("48 MiB with a limit of 16");
}
