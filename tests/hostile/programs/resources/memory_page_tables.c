/* tries:  to hold memory in page tables: one page touched in each 2 MiB
 * layer:  memory
 * limits: wall_time_ms=8000 cpu_time_ms=6000
 * expect: memory_limit */
#include "hostile.h"

int main(void)
{
    for (int i = 0; i < 24; i++) {
        size_t bytes = 4UL << 30;
        char *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (p == MAP_FAILED)
            return 1;
        madvise(p, bytes, MADV_NOHUGEPAGE);
        for (size_t at = 0; at < bytes; at += 2 << 20)
            (void)*(volatile char *)(p + at); /* the zero page: only tables are charged */
    }
    escaped("192 MiB with a limit of 64");
}
