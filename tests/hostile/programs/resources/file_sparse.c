/* tries:  a file of a terabyte without contents
 * layer:  files
 * limits: memory_bytes=268435456 cpu_time_ms=4000 wall_time_ms=6000 
 * expect: output_limit */
#include "hostile.h"

int main(void)
{
    int fd = open("/tmp/x", O_CREAT | O_RDWR, 0600);
    must_fail(ftruncate(fd, 1L << 40), "ftruncate");
    escaped("SIGXFSZ did not come");
}
