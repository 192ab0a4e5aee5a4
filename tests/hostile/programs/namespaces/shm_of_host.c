/* tries:  to attach the host's System V shared memory by its key
 * layer:  ipc_ns
 * expect: accepted */
#include "hostile.h"

int main(void)
{
    int id = shmget(IPC_KEY, 0, 0);
    if (id >= 0) {
        const char *text = shmat(id, NULL, SHM_RDONLY);
        escaped("segment %d: %.100s", id, text != (void *)-1 ? text : "");
    }
    contained("%s", strerror(errno));
}
