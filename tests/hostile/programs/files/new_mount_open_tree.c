/* tries:  to mount: a copy of its tree by open_tree
 * layer:  seccomp, caps
 * expect: security_violation */
#include "hostile.h"

int main(void)
{
    only_try(syscall(428, AT_FDCWD, "/", 1), "the call");
}
