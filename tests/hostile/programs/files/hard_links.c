/* tries:  to keep other inodes by hard links: of the image, of devices, of init's files
 * layer:  image, init
 * expect: accepted */
#include "hostile.h"

int main(void)
{
    must_fail(link("/usr/bin/env", "/box/env"), "/usr/bin/env");
    must_fail(link("/etc/passwd", "/box/passwd"), "/etc/passwd");
    must_fail(link("/dev/null", "/box/null"), "/dev/null");
    must_fail(link("/proc/self/exe", "/box/exe"), "/proc/self/exe");
    only_try(linkat(open("/usr/bin/env", O_RDONLY), "", AT_FDCWD, "/box/e", AT_EMPTY_PATH), "AT_EMPTY_PATH");
}
