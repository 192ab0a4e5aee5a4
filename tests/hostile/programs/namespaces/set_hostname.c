/* tries:  to rename the host
 * layer:  uts_ns, caps, seccomp
 * expect: accepted security_violation */
#include "hostile.h"

int main(void)
{
    must_fail(setdomainname("hostile", 7), "setdomainname");
    only_try(sethostname("hostile", 7), "sethostname");
}
