/* tries:  to take over the cell's init by ptrace
 * layer:  seccomp, init
 * expect: security_violation */
#include "hostile.h"
#include <sys/ptrace.h>

int main(void)
{
    only_try(ptrace(PTRACE_ATTACH, 1, NULL, NULL), "PTRACE_ATTACH to pid 1");
}
