/* tries:  more threads than allowed
 * layer:  pids
 * expect: process_limit */
#include "hostile.h"

int main(void)
{
    pthread_t t;
    int born = 0;
    while (born < 60 && pthread_create(&t, NULL, (void *(*)(void *))pause, NULL) == 0)
        born++;
    if (born >= 40)
        escaped("%d threads with a limit of 16", born);
    return 1;
}
