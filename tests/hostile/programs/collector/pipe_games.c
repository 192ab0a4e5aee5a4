/* tries:  to have its judge's end of the pipe block or fail: O_NONBLOCK, sizes, packet mode
 * layer:  output
 * expect: accepted */
#include "hostile.h"

int main(void)
{
    for (int fd = 0; fd < 3; fd++) {
        fcntl(fd, F_SETFL, O_NONBLOCK | O_APPEND | O_ASYNC | O_DIRECT);
        fcntl(fd, F_SETPIPE_SZ, 4096);
        fcntl(fd, F_SETPIPE_SZ, 1 << 30);
        fcntl(fd, F_SETOWN, 1);
        fcntl(fd, F_SETSIG, SIGKILL);
        (void)!ioctl(fd, FIONBIO, &(int){ 1 });
        (void)!ioctl(fd, FIOASYNC, &(int){ 1 });
    }
    static char block[70000];
    memset(block, 'x', sizeof block);
    for (int i = 0; i < 4; i++)
        (void)!write(1, block, sizeof block);
    fcntl(1, F_SETFL, 0);
    (void)!write(1, "\nCONTAINED: still judged\n", 25);
    return 0;
}
