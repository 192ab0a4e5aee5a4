/* tries:  an image that alone needs more than the memory limit
 * layer:  memory
 * expect: memory_limit runtime_error */
#include "hostile.h"

static volatile char big[192 << 20];

int main(void)
{
    for (size_t at = 0; at < sizeof big; at += 4096)
        big[at] = 1;
    escaped("192 MiB with a limit of 64");
}
