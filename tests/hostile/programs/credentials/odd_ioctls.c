/* tries:  ioctls of file systems, block devices, kvm and loop devices
 * layer:  seccomp
 * expect: accepted */
#include "hostile.h"

int main(void)
{
    static const unsigned long requests[] = { 0x5001, 0x1260, 0x80081272, 0x40086602, 0xc0046686, 0xae00,
                                              0x4c80, 0x40049409, 0xc0189436, 0x6601, 0x40305839 };
    int fd = open("/box", O_RDONLY);
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++)
        if (ioctl(fd, requests[i], &requests) >= 0 || errno != ENOTTY)
            escaped("ioctl %lx: %s", requests[i], strerror(errno));
    contained("no such ioctl");
}
