/* tries:  to administer quotas
 * layer:  seccomp
 * expect: accepted */
#include "hostile.h"

int main(void)
{
    char info[200];
    only_try(syscall(SYS_quotactl, 0x800001u << 8, "/dev/sda1", 0, info), "quotactl");
}
