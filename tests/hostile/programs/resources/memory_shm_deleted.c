/* tries:  to hold memory in System V segments without a process
 * layer:  memory
 * expect: memory_limit */
#include "hostile.h"

int main(void)
{
    for (int i = 0; i < 24; i++) {
        int id = shmget(IPC_PRIVATE, 8 << 20, 0600);
        char *p = shmat(id, NULL, 0);
        if (p == (void *)-1)
            return 1;
        memset(p, 1, 8 << 20);
        shmdt(p);
    }
    escaped("192 MiB with a limit of 64");
}
