/* tries:  to open the host's root by a file handle
 * layer:  seccomp
 * expect: security_violation */
#include "hostile.h"

int main(void)
{
    struct {
        struct file_handle h;
        unsigned char bytes[8];
    } root = { { .handle_bytes = 8, .handle_type = 1 }, { 2 } };
    int mount = open("/usr", O_RDONLY);
    only_try(open_by_handle_at(mount, &root.h, O_RDONLY), "open_by_handle_at");
}
