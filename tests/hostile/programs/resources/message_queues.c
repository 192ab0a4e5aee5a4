/* tries:  to hold kernel memory by POSIX message queues
 * layer:  rlimits
 * expect: accepted memory_limit */
#include "hostile.h"
#include <mqueue.h>

int main(void)
{
    struct mq_attr attr = { .mq_maxmsg = 10, .mq_msgsize = 8192 };
    char name[32];
    int made = 0;
    for (; made < 40; made++) {
        snprintf(name, sizeof name, "/q%d", made);
        if (mq_open(name, O_CREAT | O_RDWR, 0600, &attr) < 0)
            break;
    }
    if (made >= 20)
        escaped("%d queues of 80 KiB", made);
    contained("%d queues", made);
}
