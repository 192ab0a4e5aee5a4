/* tries:  to run a program that has no name, from memory and from an unlinked file
 * layer:  mount_ns
 * expect: accepted */
#include "hostile.h"

int main(int argc, char **argv)
{
    if (argc > 1)
        contained("ran as %s, as bound as before", argv[1]);
    int fd = memfd_create("x", MFD_CLOEXEC), self = open("/proc/self/exe", O_RDONLY);
    struct stat st;
    fstat(self, &st);
    for (off_t at = 0; at < st.st_size;)
        if (syscall(SYS_sendfile, fd, self, &at, st.st_size - at) <= 0)
            break;
    char *args[] = { "x", "memory", NULL }, *env[] = { NULL };
    fexecve(fd, args, env);
    contained("%s", strerror(errno));
}
