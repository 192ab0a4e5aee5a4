/* tries:  to learn its place in the host's control groups
 * layer:  cgroup_ns
 * expect: accepted */
#include "hostile.h"

int main(void)
{
    char text[4096];
    if (slurp("/proc/self/cgroup", text, sizeof text) < 0)
        contained("%s", strerror(errno));
    printf("%s", text);
    for (char *save = NULL, *line = strtok_r(text, "\n", &save); line != NULL;
         line = strtok_r(NULL, "\n", &save)) {
        const char *path = strrchr(line, ':');
        if (path == NULL || strcmp(path, ":/") != 0)
            escaped("%s", line);
    }
    contained("begins at the cell");
}
