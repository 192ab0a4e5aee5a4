/* tries:  to fill the disk with core files
 * layer:  rlimits
 * limits: memory_bytes=268435456 cpu_time_ms=4000 wall_time_ms=6000 
 * expect: runtime_error accepted */
#include "hostile.h"

int main(void)
{
    char *p = touch(8 << 20);
    for (int i = 0; i < 4; i++) {
        if (fork() == 0) {
            p[0] = 2;
            abort();
        }
        wait(NULL);
    }
    DIR *d = opendir(".");
    for (struct dirent *e; (e = readdir(d)) != NULL;)
        if (strncmp(e->d_name, "core", 4) == 0)
            escaped("%s", e->d_name);
    contained("none");
}
