/* tries:  to move the marks by which the kernel knows its memory, and to undo mitigations
 * layer:  seccomp
 * expect: accepted */
#include "hostile.h"

int main(void)
{
    must_fail(prctl(PR_SET_MM, 14, 0, 0, 0), "PR_SET_MM");
    must_fail(prctl(53, 0, 0, 0, 0), "PR_SET_SPECULATION_CTRL");
    must_fail(prctl(PR_SET_SECUREBITS, 0), "PR_SET_SECUREBITS");
    only_try(prctl(PR_SET_KEEPCAPS, 1), "PR_SET_KEEPCAPS");
}
