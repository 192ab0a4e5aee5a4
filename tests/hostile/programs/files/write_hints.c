/* tries:  to leave marks on files that other jobs see: hints for writing (twice: the second finds those of the first)
 * layer:  seccomp, image
 * expect: accepted */
#include "hostile.h"

#ifndef F_SET_RW_HINT
#define F_GET_RW_HINT 1035
#define F_SET_RW_HINT 1036
#endif

int main(void)
{
    static const char *const paths[] = { "/usr/bin/env", "/dev/null", "/dev/zero", "/etc/passwd", "/usr", "/" };
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        uint64_t hint = 4, seen = 0;
        int fd = open(paths[i], O_RDONLY | O_CLOEXEC);
        if (fd < 0)
            continue;
        if (fcntl(fd, F_GET_RW_HINT, &seen) == 0 && seen != 0)
            escaped("%s has a mark: %lu", paths[i], (unsigned long)seen);
        must_fail(fcntl(fd, F_SET_RW_HINT, &hint), paths[i]);
    }
    uint64_t hint = 4; /* its own files, too: nobody needs it */
    int own = open("own", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    must_fail(fcntl(own, F_SET_RW_HINT, &hint), "own file");
    contained("no marks");
}
