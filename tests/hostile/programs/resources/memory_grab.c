/* tries:  to use three times its memory
 * layer:  memory
 * expect: memory_limit */
#include "hostile.h"

int main(void)
{
    for (int mib = 0; mib < 192; mib += 4)
        if (touch(4 << 20) == NULL)
            return 1;
    escaped("192 MiB with a limit of 64");
}
