/* tries:  to find itself in the host's first pid, time or cgroup namespace, whose numbers are fixed
 * layer:  pid_ns, time_ns, cgroup_ns
 * expect: accepted */
#include "hostile.h"

int main(void)
{
    static const struct {
        const char *name;
        unsigned inode;
    } first[] = { { "pid", 0xEFFFFFFC }, { "time", 0xEFFFFFFA }, { "cgroup", 0xEFFFFFFB },
                  { "user", 0xEFFFFFFD }, { "uts", 0xEFFFFFFE }, { "ipc", 0xEFFFFFFF } };
    for (size_t i = 0; i < sizeof first / sizeof first[0]; i++) {
        char path[64], text[64], own[64];
        snprintf(path, sizeof path, "/proc/self/ns/%s", first[i].name);
        ssize_t n = readlink(path, text, sizeof text - 1);
        text[n > 0 ? n : 0] = '\0';
        snprintf(own, sizeof own, "%s:[%u]", first[i].name, first[i].inode);
        if (strcmp(own, text) == 0)
            escaped("the host's %s namespace", first[i].name);
        printf("%s\n", text);
    }
    contained("all are others");
}
