/* tries:  to compute for ever
 * layer:  cpu
 * limits: cpu_time_ms=300 wall_time_ms=8000
 * expect: time_limit */
#include "hostile.h"

int main(void)
{
    burn_ms(4000);
    escaped("4 s with a limit of 0.3");
}
