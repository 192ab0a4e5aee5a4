/* tries:  to stop or kill pid 1, and everything it may reach
 * layer:  ids
 * expect: accepted runtime_error */
#include "hostile.h"

int main(void)
{
    static const int signals[] = { 0, SIGKILL, SIGSTOP, SIGTERM, SIGINT, SIGSEGV };
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++)
        must_fail(kill(1, signals[i]), "kill(1)");
    must_fail(syscall(SYS_tgkill, 1, 1, SIGKILL), "tgkill(1)");
    must_fail(syscall(SYS_tkill, 1, SIGKILL), "tkill(1)");
    int pidfd = syscall(SYS_pidfd_open, 1, 0);
    only_try(syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0), "pidfd_send_signal");
}
