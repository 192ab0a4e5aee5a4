/* tries:  to watch what others open on a whole mount
 * layer:  seccomp
 * expect: accepted */
#include "hostile.h"

int main(void)
{
    must_fail(syscall(SYS_fanotify_init, 0, O_RDONLY), "fanotify_init");
    only_try(syscall(SYS_fanotify_init, 0x200 /* report fid */, O_RDONLY), "fanotify_init, by handle");
}
