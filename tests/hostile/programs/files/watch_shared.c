/* tries:  to notice by inotify what the other does with files both have
 * layer:  image, dev
 * twice:  yes
 * limits: wall_time_ms=4000
 * expect: accepted */
#include "hostile.h"
#include <sys/inotify.h>

int main(void)
{
    static const char *const paths[] = { "/dev/null", "/usr/bin", "/usr/bin/env", "/etc", "/etc/passwd", "/dev", "/" };
    char event[4096];
    int watch = inotify_init1(IN_NONBLOCK);
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++)
        inotify_add_watch(watch, paths[i], IN_OPEN | IN_ACCESS | IN_ATTRIB | IN_MODIFY | IN_CLOSE);
    pid_t pid = fork(); /* has no watch and makes the noise that the other could hear */
    if (pid == 0) {
        for (int n = 0; n < 6; n++) {
            for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++)
                close(open(paths[i], O_RDONLY));
            sleep_ms(100);
        }
        _exit(0);
    }
    waitpid(pid, NULL, 0);
    int mine = 0, count = 0;
    for (ssize_t n; (n = read(watch, event, sizeof event)) > 0;)
        for (char *p = event; p < event + n; count++) {
            struct inotify_event *e = (void *)p;
            mine += e->wd > 0;
            p += sizeof *e + e->len;
        }
    /* Its own child opens each of the 7 six times: an open and a close seen at its inode, and once
     * more at its folder where that is watched. Twice as many come from another cell. */
    if (mine > 200)
        escaped("%d events of %d", mine, count);
    contained("%d events, all our own", count);
}
