/* tries:  to hide cpu by executing itself again and again
 * layer:  cpu
 * limits: cpu_time_ms=300 wall_time_ms=8000
 * expect: time_limit */
#include "hostile.h"

int main(void)
{
    int64_t now = now_ms();
    if (getenv("SINCE") != NULL && now - strtoll(getenv("SINCE"), NULL, 10) > 5000)
        escaped("executed itself for 5 s with a limit of 0.3 s of cpu");
    char since[32];
    snprintf(since, sizeof since, "%lld", (long long)now);
    setenv("SINCE", since, 0);
    execl("/proc/self/exe", "x", NULL);
    return 1;
}
