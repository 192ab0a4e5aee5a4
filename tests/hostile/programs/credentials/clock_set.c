/* tries:  to set the clock of the host
 * layer:  seccomp
 * expect: accepted */
#include "hostile.h"

int main(void)
{
    struct timespec ts = { 1, 0 };
    struct timeval tv = { 1, 0 };
    struct { unsigned modes; long rest[40]; } timex = { 0x8000, { 0 } };
    must_fail(clock_settime(CLOCK_REALTIME, &ts), "clock_settime");
    must_fail(syscall(SYS_clock_settime, CLOCK_BOOTTIME, &ts), "clock_settime");
    must_fail(settimeofday(&tv, NULL), "settimeofday");
    must_fail(syscall(SYS_clock_adjtime, CLOCK_REALTIME, &timex), "clock_adjtime");
    only_try(syscall(SYS_adjtimex, &timex), "adjtimex");
}
