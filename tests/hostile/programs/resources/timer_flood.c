/* tries:  to make the kernel work by thousands of timers
 * layer:  cpu, rlimits
 * limits: cpu_time_ms=300 wall_time_ms=6000
 * expect: time_limit accepted */
#include "hostile.h"

int main(void)
{
    struct itimerspec often = { { 0, 50000 }, { 0, 50000 } };
    int made = 0;
    sigaction(SIGUSR1, &(struct sigaction){ .sa_handler = SIG_IGN }, NULL);
    for (; made < 20000; made++) {
        timer_t t;
        struct sigevent e = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1 };
        if (timer_create(CLOCK_MONOTONIC, &e, &t) < 0)
            break;
        if (made < 200)
            timer_settime(t, 0, &often, NULL);
    }
    if (made >= 20000)
        escaped("%d timers", made);
    sleep_ms(300);
    contained("%d timers", made);
}
