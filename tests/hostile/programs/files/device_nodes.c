/* tries:  devices of the host: disks, fuse, tun, kvm, loop, input, terminals
 * layer:  dev
 * expect: accepted */
#include "hostile.h"

int main(void)
{
    static const char *const paths[] = { "/dev/fuse", "/dev/net/tun", "/dev/kvm", "/dev/loop-control",
                                         "/dev/loop0", "/dev/vda", "/dev/sda", "/dev/ptmx", "/dev/tty",
                                         "/dev/console", "/dev/vhost-vsock", "/dev/hwrng", "/dev/rtc0",
                                         "/dev/uinput", "/dev/autofs", "/dev/cpu/0/msr", "/dev/dri" };
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++)
        if (access(paths[i], F_OK) == 0)
            escaped("%s is there", paths[i]);
    contained("none is there");
}
