/* tries:  to hold memory in listings of directories: the overlay keeps the names of a merged one, once for each state that is open
 * layer:  memory
 * expect: accepted memory_limit time_limit */
#include "hostile.h"

enum { NAMES = 1000, OPEN = 200 };

/* Of a directory that is merged from two layers the kernel does not count the links: there is one. */
static void try_folder(const char *folder)
{
    struct stat st;
    if (stat(folder, &st) < 0 || st.st_nlink < 2)
        escaped("%s is merged", folder);
    char path[300], names[32768];
    for (int i = 0; i < NAMES; i++) {
        snprintf(path, sizeof path, "%s/%0200d", folder, i);
        close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
    }
    for (int i = 0; i < OPEN; i++) {
        int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        while (fd >= 0 && syscall(SYS_getdents64, fd, names, sizeof names) > 0)
            ;
        snprintf(path, sizeof path, "%s/another%d", folder, i);
        close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
    }
}

int main(void)
{
    try_folder("/tmp");
    try_folder("/dev/shm");
    try_folder("/box");
    contained("none of them is merged");
}
