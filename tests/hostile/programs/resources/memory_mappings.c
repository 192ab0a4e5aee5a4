/* tries:  to hold kernel memory in a hundred thousand mappings
 * layer:  memory, rlimits
 * limits: memory_bytes=25165824 cpu_time_ms=4000 wall_time_ms=6000
 * expect: memory_limit accepted runtime_error */
#include "hostile.h"

int main(void)
{
    int made = 0;
    for (; made < 200000; made++)
        if (mmap(NULL, 4096, made % 2 ? PROT_READ : PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0) == MAP_FAILED)
            break;
    if (made >= 200000)
        escaped("%d mappings", made);
    contained("%d mappings", made);
}
