/* tries:  io_uring, whose requests no filter sees
 * layer:  seccomp
 * expect: accepted */
#include "hostile.h"

int main(void)
{
    char params[120] = { 0 };
    only_try(syscall(425, 8, params), "io_uring_setup");
}
