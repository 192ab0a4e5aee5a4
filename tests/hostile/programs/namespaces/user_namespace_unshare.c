/* tries:  a user namespace of its own, the way to nf_tables, overlay and tc
 * layer:  seccomp
 * expect: security_violation */
#include "hostile.h"

int main(void)
{
    only_try(unshare(CLONE_NEWUSER), "unshare(CLONE_NEWUSER)");
}
