/* tries:  to take a message out of the host's queue and to change its semaphore
 * layer:  ipc_ns
 * expect: accepted */
#include "hostile.h"
#include <sys/msg.h>
#include <sys/sem.h>

int main(void)
{
    struct {
        long type;
        char text[200];
    } m = { 0 };
    int queue = msgget(IPC_KEY, 0), sem = semget(IPC_KEY, 1, 0);
    if (queue >= 0 && msgrcv(queue, &m, sizeof m.text, 0, IPC_NOWAIT | 020000 /* copy */) >= 0)
        escaped("a message: %s", m.text);
    if (queue >= 0 || sem >= 0)
        escaped("queue %d, semaphore %d", queue, sem);
    contained("%s", strerror(errno));
}
