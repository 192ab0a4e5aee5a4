/* tries:  personalities that make the kernel lie or the memory executable
 * layer:  seccomp
 * expect: accepted */
#include "hostile.h"

int main(void)
{
    static const unsigned kinds[] = { 0x0008 /* PER_LINUX32 */, 0x0400000 /* READ_IMPLIES_EXEC */,
                                      0x0100000 /* MMAP_PAGE_ZERO */, 0x0020000 /* UNAME26 */ };
    for (int i = 0; i < 4; i++)
        must_fail(syscall(SYS_personality, kinds[i]), "personality");
    contained("refused");
}
