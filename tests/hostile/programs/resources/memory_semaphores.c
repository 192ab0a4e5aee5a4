/* tries:  to hold kernel memory in System V semaphores and messages
 * layer:  memory, rlimits
 * limits: memory_bytes=25165824 cpu_time_ms=4000 wall_time_ms=6000
 * expect: memory_limit accepted runtime_error */
#include "hostile.h"
#include <sys/msg.h>
#include <sys/sem.h>

int main(void)
{
    long made = 0;
    static struct {
        long type;
        char text[8000];
    } m = { 1, { 0 } };
    while (made < 32000 && semget(IPC_PRIVATE, 250, 0600) >= 0)
        made++;
    long held = 0;
    for (int q; (q = msgget(IPC_PRIVATE, 0600)) >= 0 && held < 100000;) {
        while (msgsnd(q, &m, sizeof m.text, IPC_NOWAIT) == 0)
            held++;
    }
    if (held >= 100000 || made >= 32000)
        escaped("%ld sets, %ld messages of 8 KB with a limit of 24 MiB", made, held);
    contained("%ld sets, %ld messages", made, held);
}
