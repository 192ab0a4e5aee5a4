/* tries:  to hide cpu in a storm of vfork and exec
 * layer:  cpu
 * limits: cpu_time_ms=300 wall_time_ms=8000
 * expect: time_limit */
#include "hostile.h"

int main(void)
{
    for (int64_t until = now_ms() + 5000; now_ms() < until;) {
        pid_t pid = vfork();
        if (pid == 0) {
            execl("/bin/true", "true", NULL);
            _exit(1);
        }
        waitpid(pid, NULL, 0);
    }
    escaped("a storm of 5 s with a limit of 0.3 s of cpu");
}
