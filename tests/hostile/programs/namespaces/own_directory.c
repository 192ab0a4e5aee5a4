/* tries:  to begin outside of its root (CVE-2024-21626)
 * layer:  init
 * expect: accepted */
#include "hostile.h"

int main(void)
{
    char path[4096] = "", link[256] = "";
    if (getcwd(path, sizeof path) == NULL || strcmp(path, "/box") != 0)
        escaped("begins at %s", path);
    (void)!readlink("/proc/self/cwd", link, sizeof link - 1);
    if (strcmp(link, "/box") != 0)
        escaped("begins at %s", link);
    contained("%s", path);
}
