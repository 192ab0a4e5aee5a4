/* tries:  a tree so deep that removing it by recursion or by paths fails
 * layer:  mount_ns
 * twice:  yes
 * limits: memory_bytes=134217728
 * expect: accepted */
#include "hostile.h"

int main(void)
{
    static const char *const tops[] = { "/box", "/tmp" };
    for (int t = 0; t < 2; t++) {
        if (chdir(tops[t]) < 0 || access("d", F_OK) == 0)
            escaped("a tree is there already");
        for (int i = 0; i < 3000; i++)
            if (mkdir("d", 0700) < 0 || chdir("d") < 0)
                break;
        chmod(".", 0);
    }
    contained("made");
}
