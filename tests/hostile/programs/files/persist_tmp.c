/* tries:  to leave a file for the next job in every folder that can be written
 * layer:  mount_ns
 * twice:  yes
 * expect: accepted */
#include "hostile.h"

int main(void)
{
    static const char *const folders[] = { "/tmp", "/var/tmp", "/box", "/dev/shm", "/run",
                                           "/dev", "/usr/local/bin", "/etc", "/", "/var/lib" };
    int written = 0;
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        char path[100];
        snprintf(path, sizeof path, "%s/left-by-hostile", folders[i]);
        if (access(path, F_OK) == 0)
            escaped("%s is there already", path);
        int fd = open(path, O_CREAT | O_EXCL | O_WRONLY, 0666);
        written += fd >= 0;
    }
    contained("%d files, gone with the cell", written);
}
