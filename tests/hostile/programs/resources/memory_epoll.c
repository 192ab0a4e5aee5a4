/* tries:  to hold memory in watches and timers of event loops
 * layer:  memory, rlimits
 * limits: memory_bytes=25165824 cpu_time_ms=4000 wall_time_ms=6000
 * expect: memory_limit accepted runtime_error */
#include "hostile.h"
#include <sys/epoll.h>

int main(void)
{
    int made = 0;
    for (int i = 0; i < 400; i++) {
        int e = epoll_create1(0);
        for (int k = 0; k < 400 && e >= 0; k++)
            made += epoll_ctl(e, EPOLL_CTL_ADD, k, &(struct epoll_event){ .events = EPOLLIN }) == 0;
    }
    contained("%d watches", made);
}
