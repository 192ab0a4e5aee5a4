/* tries:  perf events, a side channel and much kernel surface
 * layer:  seccomp
 * expect: accepted */
#include "hostile.h"

int main(void)
{
    uint32_t attr[32] = { 1 /* software */, 128 };
    must_fail(syscall(SYS_perf_event_open, attr, 0, -1, -1, 0), "perf_event_open, software");
    attr[0] = 0; /* hardware */
    only_try(syscall(SYS_perf_event_open, attr, 0, -1, -1, 0), "perf_event_open, hardware");
}
