/* tries:  to change its input, and that of others with the same: reopened for writing
 * layer:  image, init
 * stdin:  64K
 * twice:  yes
 * expect: accepted */
#include "hostile.h"

int main(void)
{
    char byte = 0;
    if (pread(0, &byte, 1, 0) < 0 && errno != ESPIPE)
        contained("no input: %s", strerror(errno));
    if (byte == 'Z')
        escaped("the last run changed it");
    must_fail(write(0, "Z", 1), "write to 0");
    must_fail(ftruncate(0, 0), "ftruncate");
    int again = open("/proc/self/fd/0", O_RDWR);
    must_fail(again < 0 ? -1 : pwrite(again, "Z", 1, 0), "a write to it, reopened");
    must_fail(again < 0 ? -1 : ftruncate(again, 0), "ftruncate of it, reopened");
    must_fail(open("/dev/stdin", O_WRONLY | O_TRUNC), "/dev/stdin, truncated");
    must_fail((long)mmap(NULL, 4096, PROT_WRITE, MAP_SHARED, 0, 0) == -1 ? -1 : 0, "a map to write");
    only_try(fallocate(0, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096), "a hole");
}
