/* tries:  to flood its judge one byte at a time
 * layer:  output, cpu
 * limits: output_bytes=100000 cpu_time_ms=3000 wall_time_ms=6000
 * expect: output_limit */
#include "hostile.h"

int main(void)
{
    for (int i = 0; i < 4000000; i++)
        (void)!write(1 + i % 2, "x", 1);
    return 0;
}
