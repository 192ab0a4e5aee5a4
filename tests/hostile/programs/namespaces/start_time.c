/* tries:  to learn how long the host has been up, by sysinfo and its own start time
 * layer:  time_ns
 * expect: accepted */
#include "hostile.h"
#include <sys/sysinfo.h>

int main(void)
{
    struct sysinfo info = { 0 };
    char text[2048] = "", *p = text;
    sysinfo(&info);
    if (info.uptime > 30)
        escaped("sysinfo: up for %ld s", info.uptime);
    if (slurp("/proc/self/stat", text, sizeof text) > 0 && (p = strrchr(text, ')')) != NULL) {
        for (int field = 2; field < 22 && p != NULL; field++)
            p = strchr(p + 1, ' ');
        if (p != NULL && strtoll(p, NULL, 10) > 30 * 100)
            escaped("started %s ticks after boot", p);
    }
    contained("from zero");
}
