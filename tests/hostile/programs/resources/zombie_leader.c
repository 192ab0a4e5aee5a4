/* tries:  to live on in threads after its first thread has ended
 * layer:  wall
 * limits: wall_time_ms=500
 * expect: idle_limit */
#include "hostile.h"

int main(void)
{
    pthread_t t;
    pthread_create(&t, NULL, (void *(*)(void *))(void *)sleep_ms, (void *)3000);
    syscall(SYS_exit, 0);
    return 0;
}
