/* tries:  to hold memory in stacks of threads
 * layer:  memory
 * expect: memory_limit */
#include "hostile.h"

int main(void)
{
    for (int i = 0; i < 12; i++) {
        pthread_t t;
        pthread_attr_t a;
        pthread_attr_init(&a);
        pthread_attr_setstack(&a, touch(16 << 20), 16 << 20);
        pthread_create(&t, &a, (void *(*)(void *))pause, NULL);
    }
    escaped("192 MiB with a limit of 64");
}
