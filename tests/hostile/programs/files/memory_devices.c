/* tries:  to read physical and kernel memory
 * layer:  dev, proc
 * expect: accepted */
#include "hostile.h"

int main(void)
{
    static const char *const paths[] = { "/dev/mem", "/dev/kmem", "/dev/port", "/proc/kcore",
                                         "/proc/kallsyms", "/dev/kmsg", "/proc/kmsg" };
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        if (access(paths[i], F_OK) == 0)
            escaped("%s is there", paths[i]);
        must_fail(open(paths[i], O_RDONLY | O_NONBLOCK), paths[i]);
    }
    contained("none is there");
}
