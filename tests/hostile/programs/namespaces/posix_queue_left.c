/* tries:  to leave a POSIX message queue for the next job
 * layer:  ipc_ns
 * twice:  yes
 * expect: accepted */
#include "hostile.h"
#include <mqueue.h>

int main(void)
{
    struct mq_attr attr = { .mq_maxmsg = 1, .mq_msgsize = 32 };
    mqd_t q = mq_open("/minos-left", O_CREAT | O_EXCL | O_RDWR, 0666, &attr);
    if (q < 0 && errno == EEXIST)
        escaped("a queue is there");
    sleep_ms(400);
    contained("%s", q < 0 ? strerror(errno) : "made, and left to the namespace's end");
}
