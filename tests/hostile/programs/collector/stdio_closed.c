/* tries:  to confuse its judge by closing all three descriptors and opening others there
 * layer:  output
 * expect: accepted runtime_error */
#include "hostile.h"

int main(void)
{
    printf("CONTAINED: said before\n");
    fflush(stdout);
    for (int fd = 0; fd < 3; fd++)
        close(fd);
    int p[2];
    (void)!pipe(p);
    open("/dev/full", O_RDWR);
    (void)!write(2, "x", 1);
    return 0;
}
