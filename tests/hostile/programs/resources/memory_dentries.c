/* tries:  to hold memory in names that are not there
 * layer:  memory, rlimits
 * limits: memory_bytes=25165824 cpu_time_ms=4000 wall_time_ms=6000
 * expect: memory_limit accepted runtime_error time_limit idle_limit */
#include "hostile.h"

int main(void)
{
    char path[300];
    struct stat st;
    memset(path, 0, sizeof path);
    for (int i = 0; i < 100000; i++) {
        snprintf(path, sizeof path, "/tmp/%0200d", i);
        stat(path, &st);
    }
    contained("reclaimed, or charged");
}
