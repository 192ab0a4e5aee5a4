/* tries:  to hold kernel memory by open files
 * layer:  rlimits
 * expect: accepted */
#include "hostile.h"

int main(void)
{
    int opened = 0;
    while (opened < 5000 && dup(0) >= 0)
        opened++;
    if (opened > 1100)
        escaped("%d descriptors", opened);
    contained("%d descriptors", opened);
}
