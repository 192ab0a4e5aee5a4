/* tries:  to run without no_new_privs or without a filter
 * layer:  seccomp, init
 * expect: accepted */
#include "hostile.h"

int main(void)
{
    char text[4096] = "";
    slurp("/proc/self/status", text, sizeof text);
    if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
        escaped("no_new_privs is off");
    if (prctl(PR_GET_SECCOMP) != 2 || strstr(text, "Seccomp:\t2") == NULL)
        escaped("no filter");
    contained("both are on");
}
