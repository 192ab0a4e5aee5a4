/* tries:  to overwrite what started it through /proc (CVE-2019-5736)
 * layer:  init
 * expect: accepted */
#include "hostile.h"

int main(void)
{
    char path[64];
    for (int pid = 1; pid < 8; pid++) {
        snprintf(path, sizeof path, "/proc/%d/exe", pid);
        if (pid == getpid())
            continue;
        int fd = open(path, O_RDONLY);
        if (fd >= 0)
            escaped("%s is open", path);
        if (open(path, O_WRONLY | O_TRUNC) >= 0 || errno == ETXTBSY)
            escaped("%s: %s", path, strerror(errno));
    }
    contained("no executable but its own");
}
