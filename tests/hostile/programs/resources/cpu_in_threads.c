/* tries:  to hide cpu in threads that end
 * layer:  cpu
 * limits: cpu_time_ms=300 wall_time_ms=8000
 * expect: time_limit */
#include "hostile.h"

int main(void)
{
    for (int i = 0; i < 40; i++) {
        pthread_t t[4];
        for (int k = 0; k < 4; k++)
            pthread_create(&t[k], NULL, (void *(*)(void *))(void *)burn_ms, (void *)100);
        for (int k = 0; k < 4; k++)
            pthread_join(t[k], NULL);
    }
    escaped("4 s in threads with a limit of 0.3");
}
