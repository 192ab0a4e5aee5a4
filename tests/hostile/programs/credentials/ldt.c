/* tries:  segments of 16 and 32 bits
 * layer:  seccomp
 * expect: accepted */
#include "hostile.h"

int main(void)
{
    uint32_t entry[4] = { 0, 0, 0xfffff, 0x51 };
    only_try(syscall(SYS_modify_ldt, 1, entry, sizeof entry), "modify_ldt");
}
