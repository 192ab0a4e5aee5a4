/* tries:  to give a file capabilities, and overlay's own attributes, by extended attributes
 * layer:  seccomp
 * expect: accepted */
#include "hostile.h"
#include <sys/xattr.h>

int main(void)
{
    static const unsigned char caps[20] = { 1, 0, 0, 2, 0xff, 0xff, 0xff, 0xff };
    int fd = open("/box/x", O_CREAT | O_WRONLY, 0755);
    must_fail(fsetxattr(fd, "security.capability", caps, sizeof caps, 0), "security.capability");
    must_fail(setxattr("/box", "trusted.overlay.redirect", "/etc", 4, 0), "trusted.overlay.redirect");
    must_fail(setxattr("/box", "user.overlay.redirect", "/etc", 4, 0), "user.overlay.redirect");
    must_fail(lsetxattr("/box/x", "user.x", "y", 1, 0), "user.x");
    only_try(removexattr("/usr/bin/env", "security.capability"), "removexattr");
}
