/* tries:  every other family, each of which would load a module
 * layer:  seccomp
 * expect: accepted */
#include "hostile.h"

int main(void)
{
    static const int types[] = { SOCK_STREAM, SOCK_DGRAM, SOCK_RAW, SOCK_SEQPACKET, SOCK_RDM };
    for (int family = 3; family < 50; family++)
        for (size_t t = 0; t < sizeof types / sizeof types[0]; t++)
            if (family != AF_INET6 && family != AF_NETLINK && socket(family, types[t], 0) >= 0)
                escaped("family %d, type %d", family, types[t]);
    contained("none");
}
