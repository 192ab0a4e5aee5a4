/* tries:  to meet the other job in System V objects of one key, and to leave them
 * layer:  ipc_ns
 * twice:  yes
 * expect: accepted */
#include "hostile.h"
#include <sys/msg.h>
#include <sys/sem.h>

int main(void)
{
    const key_t key = 0x77665544;
    if (shmget(key, 4096, IPC_CREAT | IPC_EXCL | 0666) < 0 && errno == EEXIST)
        escaped("a segment is there");
    if (semget(key, 1, IPC_CREAT | IPC_EXCL | 0666) < 0 && errno == EEXIST)
        escaped("a semaphore is there");
    if (msgget(key, IPC_CREAT | IPC_EXCL | 0666) < 0 && errno == EEXIST)
        escaped("a queue is there");
    sleep_ms(600);
    contained("made, and left to the namespace's end");
}
