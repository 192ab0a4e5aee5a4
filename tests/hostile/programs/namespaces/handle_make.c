/* tries:  to learn the handles of files, the first half of opening by handle
 * layer:  seccomp
 * expect: accepted */
#include "hostile.h"

int main(void)
{
    struct {
        struct file_handle h;
        unsigned char bytes[128];
    } out = { { .handle_bytes = 128 }, { 0 } };
    int mount;
    for (int flags = 0; flags <= 0x200; flags += 0x200)
        must_fail(name_to_handle_at(AT_FDCWD, "/usr/bin/env", &out.h, &mount, flags), "name_to_handle_at");
    contained("no handle");
}
