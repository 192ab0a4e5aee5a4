/* tries:  to block others who read the same input, by locks and its offset, where the store keeps it as a file
 * layer:  init
 * stdin:  1M
 * twice:  yes
 * limits: wall_time_ms=4000
 * expect: accepted */
#include "hostile.h"

int main(void)
{
    if (flock(0, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK)
        escaped("the other holds a lock on the input");
    if (lseek(0, 0, SEEK_CUR) > 0)
        escaped("the other has moved the offset");
    lseek(0, 1000, SEEK_SET);
    sleep_ms(900);
    if (lseek(0, 0, SEEK_CUR) != 1000 && lseek(0, 0, SEEK_CUR) >= 0)
        escaped("the other has moved the offset");
    contained("its own");
}
