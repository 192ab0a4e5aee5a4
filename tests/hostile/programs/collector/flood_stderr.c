/* tries:  to flood its judge by standard error
 * layer:  output
 * expect: output_limit */
#include "hostile.h"

int main(void)
{
    static char block[65536];
    memset(block, 'x', sizeof block);
    for (int i = 0; i < 1600; i++)
        (void)!write(2, block, sizeof block);
    return 0;
}
