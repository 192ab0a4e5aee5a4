/* tries:  to leave POSIX shared memory and semaphores for the next job
 * layer:  mount_ns
 * twice:  yes
 * expect: accepted */
#include "hostile.h"
#include <semaphore.h>

int main(void)
{
    int fd = shm_open("/minos-left", O_CREAT | O_EXCL | O_RDWR, 0666);
    if (fd < 0 && errno == EEXIST)
        escaped("a segment is there");
    if (sem_open("/minos-left", O_CREAT | O_EXCL, 0666, 1) == SEM_FAILED && errno == EEXIST)
        escaped("a semaphore is there");
    if (fd >= 0 && ftruncate(fd, 65536) < 0)
        return 1;
    sleep_ms(400);
    contained("made, and gone with the cell");
}
